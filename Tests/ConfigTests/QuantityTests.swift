// SPDX-License-Identifier: Apache-2.0
//
// Quantities with units, as files and flags write them.

import Config
import Testing

private func check(_ read: (String) throws(QuantityError) -> Int64, _ text: String) -> String {
    do {
        return "\(try read(text))"
    } catch {
        return error.message
    }
}

@Test(arguments: [
    ("512M", "536870912"), ("64K", "65536"), ("1G", "1073741824"), ("2T", "2199023255552"), ("100B", "100"), ("1KiB", "1024"), ("3MiB", "3145728"),
    ("9223372036854775807B", "9223372036854775807"), ("007K", "7168"),
    ("64", "`64` has no unit"), ("0", "`0` has no unit"), ("0M", "`0M` is zero"), ("-1M", "`-1M` is negative"), ("", "`` is not a size"),
    ("M", "`M` is not a size"), (" 1M", "` 1M` is not a size"), ("1M ", "`1M ` has an unknown unit `M `"), ("1 M", "`1 M` has an unknown unit ` M`"),
    ("1MB", "`1MB` has an unknown unit `MB`"), ("1m", "`1m` has an unknown unit `m`"), ("1.5G", "`1.5G` is not a whole number"),
    ("9223372036854775808B", "`9223372036854775808B` is too large"), ("8388608T", "`8388608T` is too large"), ("8388607T", "9223370937343148032"),
    ("99999999999999999999K", "`99999999999999999999K` is too large"), ("+1M", "`+1M` is not a size"), ("0x10M", "`0x10M` has an unknown unit `x10M`"),
    ("１M", "`１M` is not a size"), ("unlimited", "`unlimited` is not a size"),
])
func `a size is a whole number with a unit`(_ text: String, _ expected: String) { #expect(check(Quantity.size, text) == expected) }

@Test(arguments: [
    ("30s", "30000000"), ("10m", "600000000"), ("250ms", "250000"), ("1h30m", "5400000000"), ("1d", "86400000000"), ("7us", "7"), ("1h0m1s", "3601000000"),
    ("1m500ms", "60500000"), ("30", "`30` has no unit"), ("1h30", "`1h30` has no unit"), ("0s", "`0s` is zero"), ("0m0s", "`0m0s` is zero"),
    ("-5s", "`-5s` is negative"), ("1.5s", "`1.5s` is not a whole number"), ("1s1m", "`1s1m` has its units out of order"),
    ("1s1s", "`1s1s` has its units out of order"), ("1ms1m", "`1ms1m` has its units out of order"),
    ("", "`` is not a duration"), ("s", "`s` is not a duration"), ("1w", "`1w` has an unknown unit `w`"), ("1 s", "`1 s` has an unknown unit ` s`"),
    ("999999999999d", "`999999999999d` is too large"), ("99999999999999999999s", "`99999999999999999999s` is too large"),
    ("106751991d", "9223372022400000000"), ("106751991d5h", "`106751991d5h` is too large"),
])
func `a duration is whole numbers with units`(_ text: String, _ expected: String) { #expect(check(Quantity.duration, text) == expected) }

@Test(arguments: [
    ("64", "64"), ("1", "1"), ("9223372036854775807", "9223372036854775807"), ("0", "`0` is zero"), ("-1", "`-1` is negative"),
    ("1.0", "`1.0` is not a whole number"), ("10k", "`10k` is not a count: a unit `k` follows the number"), ("", "`` is not a count"),
    ("9223372036854775808", "`9223372036854775808` is too large"), ("1e3", "`1e3` is not a count: a unit `e3` follows the number"),
])
func `a count is a whole number without a unit`(_ text: String, _ expected: String) { #expect(check(Quantity.count, text) == expected) }

@Test(arguments: [
    ("1.0", "1000"), ("0.5", "500"), ("2", "2000"), ("0.001", "1"), ("1000", "1000000"), ("0.25", "250"), ("0", "`0` is zero"), ("0.000", "`0.000` is zero"),
    ("-1", "`-1` is negative"), ("1.", "`1.` is not a number of cores"), (".5", "`.5` is not a number of cores"),
    ("0.0001", "`0.0001` is not a number of cores"), ("1000.001", "`1000.001` is too large"), ("99999999999999999999", "`99999999999999999999` is too large"),
    ("200m", "`200m` is not a number of cores: a unit `m` follows the number"), ("50%", "`50%` is not a number of cores: a unit `%` follows the number"),
    ("1.0x", "`1.0x` is not a number of cores"), ("1,5", "`1,5` is not a number of cores: a unit `,5` follows the number"),
])
func `cores are a number with up to three decimals`(_ text: String, _ expected: String) { #expect(check(Quantity.cores, text) == expected) }

@Test func `a wrong unit gets the nearest right one`() {
    #expect(throws: QuantityError.self) { try Quantity.size("1MB") }
    do {
        _ = try Quantity.size("512m")
    } catch {
        #expect(error.help == "did you mean `512M`? a size is a whole number with a unit: `64K`, `512M`, `1G`, or `4096B` for bytes")
    }
}

@Test func `random text never crashes a quantity`() {
    var random = SplitMix(state: 9)
    let alphabet = Array("0123456789.-+ dhmsuKMGTBi%é１".unicodeScalars)
    for _ in 0..<20_000 {
        var text = ""
        for _ in 0..<Int.random(in: 0...24, using: &random) { text.unicodeScalars.append(alphabet[Int.random(in: 0..<alphabet.count, using: &random)]) }
        let values = [try? Quantity.size(text), try? Quantity.duration(text), try? Quantity.count(text), try? Quantity.cores(text)]
        #expect(values.allSatisfy { $0 ?? 1 > 0 })
    }
}
