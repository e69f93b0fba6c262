// SPDX-License-Identifier: Apache-2.0
//
// Calendar periods in UTC, numbered from 1970. Weeks begin on Monday (ISO 8601). Days to months after the proleptic Gregorian calendar;
// leap seconds do not exist here, as they do not in POSIX time.

/// The unit of a calendar window.
public enum CalendarUnit: String, Sendable, Hashable, CaseIterable {
    case hour, day, week, month

    /// The period that holds this second; later periods have larger numbers.
    func period(of wallSeconds: Int64) -> Int64 {
        switch self {
        case .hour: floorDivide(wallSeconds, 3600)
        case .day: floorDivide(wallSeconds, 86400)
        // 1970-01-01 was a Thursday.
        case .week: floorDivide(floorDivide(wallSeconds, 86400) + 3, 7)
        case .month: monthNumber(day: floorDivide(wallSeconds, 86400))
        }
    }

    /// The first second of a period.
    func start(of period: Int64) -> Int64 {
        switch self {
        case .hour: period * 3600
        case .day: period * 86400
        case .week: (period * 7 - 3) * 86400
        case .month: firstDay(month: period) * 86400
        }
    }
}

private func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
}

/// Months since January 1970. Years are counted from March, so that the leap day ends one.
private func monthNumber(day: Int64) -> Int64 {
    let shifted = day + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    return (yearOfEra + era * 400 - 1970) * 12 + marchMonth + 2
}

/// The day (since 1970) on which a month begins.
private func firstDay(month: Int64) -> Int64 {
    let fromMarch = month + 1970 * 12 - 2
    let year = floorDivide(fromMarch, 12)
    let marchMonth = fromMarch - year * 12
    let era = floorDivide(year, 400)
    let yearOfEra = year - era * 400
    return era * 146_097 + 365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100 + (153 * marchMonth + 2) / 5 - 719_468
}
