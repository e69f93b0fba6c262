// SPDX-License-Identifier: Apache-2.0
//
// Rule table → classic BPF: a balanced tree over runs of numbers that share an answer, and trees over runs of argument
// values below it. Written from the end to the start, so that every target is known when its jump is written.
// Nothing here is trusted: FilterProof evaluates the result against the table before it is used.

/// Changes when the same table compiles to another program; part of every cache key.
let compilerVersion = 1

struct FilterCompiler {
    /// An instruction's place, counted from the program's end.
    private struct Label: Hashable {
        let index: Int
    }

    /// The program, last instruction first.
    private var reversed: [BPFInstruction] = []
    /// The nearest place of each target; a far one is re-emitted (a return) or reached by a jump.
    private var nearest: [Int] = []
    /// Few: a list is faster than a table.
    private var returns: [(value: UInt32, label: Label)] = []
    /// Places of the two constants of the cookie, while it is there.
    private var cookie: (low: Int, high: Int)?

    static func compile(_ table: RuleTable) -> (program: [BPFInstruction], cookie: (low: Int, high: Int)?) {
        var compiler = FilterCompiler()
        compiler.reversed.reserveCapacity(512)
        let rules = table.rules.map { compiler.block($0) }
        var targets: [Label] = []
        var starts: [UInt32] = []
        targets.reserveCapacity(table.starts.count)
        starts.reserveCapacity(table.starts.count)
        for run in table.starts.indices {
            let target: Label
            switch table.leaves[run] {
            case .plain(let outcome): target = compiler.answer(outcome.answer)
            case .rule(let index): target = rules[index]
            }
            if targets.last == target { continue }
            starts.append(table.starts[run])
            targets.append(target)
        }
        let numbers = compiler.tree(starts[...], targets[...])
        let native = compiler.load(SeccompData.number, then: numbers)
        let foreign = compiler.answer(table.foreign.answer)
        var other = foreign
        if table.compat != table.foreign {
            let compat = compiler.answer(table.compat.answer)
            other = compiler.branch(BPFCode.ifEqual, table.architecture.compatIdentity, compat, foreign)
        }
        let start = compiler.branch(BPFCode.ifEqual, table.architecture.auditIdentity, native, other)
        _ = compiler.load(SeccompData.architecture, then: start)
        let last = compiler.reversed.count - 1
        return (compiler.reversed.reversed(), compiler.cookie.map { (last - $0.low, last - $0.high) })
    }

    private mutating func append(_ instruction: BPFInstruction) -> Int {
        reversed.append(instruction)
        return reversed.count - 1
    }

    private mutating func label(_ place: Int) -> Label {
        nearest.append(place)
        return Label(index: nearest.count - 1)
    }

    private mutating func answer(_ answer: Answer) -> Label {
        let value = answer.returnValue
        for known in returns where known.value == value { return known.label }
        let made = label(append(BPFInstruction(code: BPFCode.return, k: value)))
        returns.append((value, made))
        return made
    }

    /// Makes sure that `label` is at most `reach` instructions below the next one to be written.
    private mutating func bring(_ label: Label, within reach: Int) {
        let place = nearest[label.index]
        guard reversed.count - place - 1 > reach else { return }
        let target = reversed[place]
        let copy =
            target.code == BPFCode.return
            ? target : BPFInstruction(code: BPFCode.jump, k: UInt32(reversed.count - place - 1))
        nearest[label.index] = append(copy)
    }

    private mutating func branch(_ code: UInt16, _ constant: UInt32, _ yes: Label, _ no: Label) -> Label {
        if yes == no { return yes }
        // The second may push the first one further away by one instruction.
        bring(yes, within: 254)
        bring(no, within: 255)
        let here = reversed.count
        return label(
            append(
                BPFInstruction(
                    code: code, jt: UInt8(here - nearest[yes.index] - 1), jf: UInt8(here - nearest[no.index] - 1), k: constant)))
    }

    /// An instruction that falls through to `next`.
    private mutating func instruction(_ code: UInt16, _ constant: UInt32, then next: Label) -> Label {
        bring(next, within: 0)
        return label(append(BPFInstruction(code: code, k: constant)))
    }

    private mutating func load(_ offset: UInt32, then next: Label) -> Label {
        instruction(BPFCode.load, offset, then: next)
    }

    /// The decision on A by runs: `starts` ascending, the first run being entered without a test.
    private mutating func tree(_ starts: ArraySlice<UInt32>, _ targets: ArraySlice<Label>) -> Label {
        let first = starts.startIndex
        if starts.count == 1 { return targets[first] }
        if starts.count == 2 { return branch(BPFCode.ifAtLeast, starts[first + 1], targets[first + 1], targets[first]) }
        // One value between two runs of the same answer.
        if starts.count == 3, targets[first] == targets[first + 2], starts[first + 1] &+ 1 == starts[first + 2] {
            return branch(BPFCode.ifEqual, starts[first + 1], targets[first + 1], targets[first])
        }
        let middle = first + starts.count / 2
        let above = tree(starts[middle...], targets[middle...])
        let below = tree(starts[..<middle], targets[..<middle])
        return branch(BPFCode.ifAtLeast, starts[middle], above, below)
    }

    /// Loads the condition's word and goes to the target of the run in which it lies.
    private mutating func decision(_ condition: Condition, _ starts: [UInt32], _ targets: [Label]) -> Label {
        var next = tree(starts[...], targets[...])
        if condition.mask != .max { next = instruction(BPFCode.and, condition.mask, then: next) }
        return load(SeccompData.argument(condition.argument, high: condition.high), then: next)
    }

    private mutating func block(_ rule: Rule) -> Label {
        var next = answer(rule.otherwise.answer)
        var remaining = rule.cases[...]
        while let last = remaining.last {
            let matched = answer(last.outcome.answer)
            if let condition = last.conditions.first, last.conditions.count == 1 {
                // Neighbouring cases that test the same word become one decision.
                var group: [(ranges: [WordRange], target: Label)] = []
                while let candidate = remaining.last, candidate.conditions.count == 1,
                    candidate.conditions[0].readsSameWord(as: condition)
                {
                    group.append((candidate.conditions[0].ranges, answer(candidate.outcome.answer)))
                    remaining.removeLast()
                }
                next = decide(condition, group, else: next)
            } else {
                remaining.removeLast()
                var target = matched
                for condition in last.conditions.reversed() { target = decide(condition, [(condition.ranges, target)], else: next) }
                next = target
            }
        }
        if rule.admitsCookie { next = admission(else: next) }
        return next
    }

    /// `groups` of ranges, the later ones stronger, else `fallback`.
    private mutating func decide(
        _ condition: Condition, _ groups: [(ranges: [WordRange], target: Label)], else fallback: Label
    ) -> Label {
        var starts: [UInt32] = [0]
        var targets = [fallback]
        for group in groups { overlay(group.ranges, group.target, &starts, &targets) }
        return decision(condition, starts, targets)
    }

    /// Puts `target` over the runs that `ranges`, ascending, cover.
    private func overlay(_ ranges: [WordRange], _ target: Label, _ starts: inout [UInt32], _ targets: inout [Label]) {
        var newStarts: [UInt32] = []
        var newTargets: [Label] = []
        newStarts.reserveCapacity(starts.count + 2 * ranges.count)
        newTargets.reserveCapacity(starts.count + 2 * ranges.count)
        func put(_ start: UInt32, _ label: Label) {
            if newTargets.last == label { return }
            newStarts.append(start)
            newTargets.append(label)
        }
        var run = 0
        var position: UInt32 = 0
        for range in ranges {
            // What lies before the range keeps its targets.
            while position < range.first {
                while run + 1 < starts.count, starts[run + 1] <= position { run += 1 }
                put(position, targets[run])
                position = run + 1 < starts.count ? min(starts[run + 1], range.first) : range.first
            }
            put(range.first, target)
            if range.last == .max {
                (starts, targets) = (newStarts, newTargets)
                return
            }
            position = range.last + 1
        }
        while run + 1 < starts.count, starts[run + 1] <= position { run += 1 }
        put(position, targets[run])
        for rest in starts.indices[(run + 1)...] { put(starts[rest], targets[rest]) }
        (starts, targets) = (newStarts, newTargets)
    }

    /// Allows when the sixth argument is the cookie. Both halves are folded before the one test: no branch, and so no
    /// difference in time, tells that one half was right.
    private mutating func admission(else next: Label) -> Label {
        let allow = answer(.allow)
        let test = branch(BPFCode.ifEqual, 0, allow, next)
        let fold = instruction(BPFCode.orX, 0, then: test)
        let high = instruction(BPFCode.xor, 0, then: fold)
        let loadHigh = load(SeccompData.argument(5, high: true), then: high)
        let keep = instruction(BPFCode.toX, 0, then: loadHigh)
        let low = instruction(BPFCode.xor, 0, then: keep)
        cookie = (nearest[low.index], nearest[high.index])
        return load(SeccompData.argument(5, high: false), then: low)
    }
}
