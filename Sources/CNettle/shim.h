// SPDX-License-Identifier: Apache-2.0
#include <nettle/eddsa.h>
#include <nettle/sha2.h>
