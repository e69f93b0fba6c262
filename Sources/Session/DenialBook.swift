// SPDX-License-Identifier: Apache-2.0
// What the cell asked for and did not get: one entry for each kind of call, with a count, in the order of the first time.
