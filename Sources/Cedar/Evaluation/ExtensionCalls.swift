// SPDX-License-Identifier: Apache-2.0
//
// The functions and methods of the extension types, on evaluated arguments.

extension ExtensionFunction {
    /// Calls the function; for a method the first argument is its receiver.
    func call(_ arguments: [Value], at span: SourceSpan?) throws(EvaluationError) -> Value {
        guard arguments.count == arity else {
            throw EvaluationError(.arity(self, found: arguments.count), at: span)
        }
        if isConstructor {
            let text = try arguments[0].asString(span)
            guard let value = ExtensionValue.parse(self, text) else {
                throw EvaluationError(.invalid(self, text), at: span)
            }
            return .extension(value)
        }
        switch type {
        case .ipaddr: return .bool(try address(arguments, at: span))
        case .decimal: return .bool(try decimal(arguments, at: span))
        case .datetime: return try datetime(arguments, at: span)
        case .duration: return .long(try duration(arguments[0], at: span))
        }
    }

    private func address(_ arguments: [Value], at span: SourceSpan?) throws(EvaluationError) -> Bool {
        let address = try arguments[0].asAddress(span)
        switch self {
        case .isIpv4: return address.isIPv4
        case .isIpv6: return !address.isIPv4
        case .isLoopback: return address.isLoopback
        case .isMulticast: return address.isMulticast
        default: return address.isInRange(try arguments[1].asAddress(span))
        }
    }

    private func decimal(_ arguments: [Value], at span: SourceSpan?) throws(EvaluationError) -> Bool {
        let left = try arguments[0].asDecimal(span)
        let right = try arguments[1].asDecimal(span)
        switch self {
        case .lessThan: return left < right
        case .lessThanOrEqual: return left <= right
        case .greaterThan: return left > right
        default: return left >= right
        }
    }

    private static let day: Int64 = 86_400_000

    private func datetime(_ arguments: [Value], at span: SourceSpan?) throws(EvaluationError) -> Value {
        let time = try arguments[0].asDatetime(span)
        let result: (partialValue: Int64, overflow: Bool)
        switch self {
        case .offset:
            result = time.addingReportingOverflow(try arguments[1].asDuration(span))
            if !result.overflow { return .extension(.datetime(result.partialValue)) }
        case .durationSince:
            result = time.subtractingReportingOverflow(try arguments[1].asDatetime(span))
            if !result.overflow { return .extension(.duration(result.partialValue)) }
        case .toDate:
            result = time.subtractingReportingOverflow(Self.timeOfDay(time))
            if !result.overflow { return .extension(.datetime(result.partialValue)) }
        default:
            return .extension(.duration(Self.timeOfDay(time)))
        }
        throw EvaluationError(.overflow("`\(rawValue)`"), at: span)
    }

    private static func timeOfDay(_ time: Int64) -> Int64 {
        let rest = time % day
        return rest < 0 ? rest + day : rest
    }

    private func duration(_ value: Value, at span: SourceSpan?) throws(EvaluationError) -> Int64 {
        let milliseconds = try value.asDuration(span)
        switch self {
        case .toMilliseconds: return milliseconds
        case .toSeconds: return milliseconds / 1000
        case .toMinutes: return milliseconds / 60_000
        case .toHours: return milliseconds / 3_600_000
        default: return milliseconds / Self.day
        }
    }
}

extension Value {
    fileprivate func asAddress(_ span: SourceSpan?) throws(EvaluationError) -> IPAddress {
        guard case .extension(.ipaddr(let value)) = self else { throw .type("ipaddr", self, at: span) }
        return value
    }

    fileprivate func asDecimal(_ span: SourceSpan?) throws(EvaluationError) -> Int64 {
        guard case .extension(.decimal(let value)) = self else { throw .type("decimal", self, at: span) }
        return value
    }

    fileprivate func asDatetime(_ span: SourceSpan?) throws(EvaluationError) -> Int64 {
        guard case .extension(.datetime(let value)) = self else { throw .type("datetime", self, at: span) }
        return value
    }

    fileprivate func asDuration(_ span: SourceSpan?) throws(EvaluationError) -> Int64 {
        guard case .extension(.duration(let value)) = self else { throw .type("duration", self, at: span) }
        return value
    }
}
