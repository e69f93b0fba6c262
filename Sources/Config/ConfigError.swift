// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a file of ours, where, and what to write instead. One type for the module; flags use `QuantityError`, which has no place.

/// A place in a file.
public struct Mark: Sendable, Hashable, CustomStringConvertible {
    /// Both from 1; columns in characters.
    public let line: Int
    public let column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public var description: String { "\(line):\(column)" }
}

/// A file that was refused.
public struct ConfigError: Error, Hashable, CustomStringConvertible {
    /// The file's name as the user knows it.
    public let file: String
    /// Nil where the fault is of the file as a whole.
    public let mark: Mark?
    /// The keys that lead to the value: `limits.memory`, `files.read[2]`; empty at the top.
    public let path: String
    /// Lower case, input in backticks, no full stop.
    public let message: String
    /// What to write instead; nil where nothing better than the message can be said.
    public let help: String?

    public init(file: String, mark: Mark?, path: String = "", message: String, help: String? = nil) {
        self.file = file
        self.mark = mark
        self.path = path
        self.message = message
        self.help = help
    }

    /// `FILE:LINE:COLUMN: PATH: MESSAGE`, and the help on its own line.
    public var description: String {
        var text = quotedBare(file)
        if let mark { text += ":\(mark)" }
        if !path.isEmpty { text += ": \(path)" }
        text += ": \(message)"
        if let help { text += "\nhelp: \(help)" }
        return text
    }
}

/// Input in backticks, for messages: control characters shown as `\u{..}`, cut after 80 characters.
public func quoted(_ input: String) -> String { "`\(quotedBare(input))`" }

/// As `quoted`, without the backticks.
func quotedBare(_ input: String) -> String {
    var text = ""
    for (position, scalar) in input.unicodeScalars.enumerated() {
        if position == 80 { return text + "..." }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
            text += "\\u{\(String(scalar.value, radix: 16))}"
        default: text.unicodeScalars.append(scalar)
        }
    }
    return text
}
