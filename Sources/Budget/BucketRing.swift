// SPDX-License-Identifier: Apache-2.0
//
// Good and bad outcomes over a sliding span, in sub-buckets; for breakers and objectives. An outcome leaves at most span/buckets late.

struct BucketRing: Sendable {
    private let width: Int64
    private var bad: [Int64]
    private var all: [Int64]
    private var latest: Int64 = -1

    /// - Parameters: span in nanoseconds, at least 1; buckets at least 1.
    init(span: Int64, buckets: Int) {
        width = max(1, (span + Int64(buckets) - 1) / Int64(buckets))
        bad = Array(repeating: 0, count: buckets + 1)
        all = bad
    }

    mutating func add(bad isBad: Bool, at time: Int64) {
        let bucket = max(0, time / width, latest)
        if latest < 0 || bucket - latest >= Int64(all.count) {
            clear()
        } else if bucket > latest {
            for passed in (latest + 1)...bucket {
                bad[Int(passed % Int64(all.count))] = 0
                all[Int(passed % Int64(all.count))] = 0
            }
        }
        latest = bucket
        all[Int(bucket % Int64(all.count))] += 1
        if isBad { bad[Int(bucket % Int64(all.count))] += 1 }
    }

    /// What still counts at this time.
    func counts(at time: Int64) -> (bad: Int64, all: Int64) {
        let now = max(0, time / width, latest)
        var sum: (bad: Int64, all: Int64) = (0, 0)
        if latest < 0 { return sum }
        for bucket in max(0, now - Int64(all.count) + 1)...now where bucket <= latest && bucket > latest - Int64(all.count) {
            sum.bad += bad[Int(bucket % Int64(all.count))]
            sum.all += all[Int(bucket % Int64(all.count))]
        }
        return sum
    }

    mutating func clear() {
        for index in all.indices {
            bad[index] = 0
            all[index] = 0
        }
        latest = -1
    }
}
