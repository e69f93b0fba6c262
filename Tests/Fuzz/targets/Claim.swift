// SPDX-License-Identifier: Apache-2.0
//
// What every fuzz target shares: a claim that must hold for each input, and the input as bytes. A claim that does not
// hold ends the process, which is how libFuzzer learns of it and keeps the input.

import Glibc

/// Ends the process with a sentence unless the claim holds.
func claim(_ holds: Bool, _ sentence: @autoclosure () -> String) {
    if holds { return }
    let text = Array("the claim does not hold: \(sentence())\n".utf8)
    _ = unsafe write(2, text, text.count)
    abort()
}

/// The result, or nil where `body` throws.
func attempt<Result>(_ body: () throws -> Result) -> Result? { try? body() }

/// One run: what the target does with one input.
func run(_ start: UnsafePointer<UInt8>?, _ count: Int, _ body: ([UInt8]) -> Void) -> CInt {
    unsafe body(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
