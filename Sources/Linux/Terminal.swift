// SPDX-License-Identifier: Apache-2.0
// What we ask of terminals: whether a descriptor is one. Kernel: isatty(3), TCGETS.

import Glibc

package enum Terminal {
    package static func isTerminal(_ number: Int32) -> Bool { isatty(number) == 1 }
}
