// SPDX-License-Identifier: Apache-2.0
//
// What a server may ask a person for. A form that asks for secrets is refused, as the specification forbids it
// (MCP 2025-11-25, "Elicitation", User Interaction Model); a page to open must be on the web.

import JSON

enum Elicitation {
    private static let secrets = [
        "password", "passwd", "passphrase", "passcode", "secret", "api key", "apikey", "api_key", "api-key", "access token", "access_token", "auth token",
        "bearer", "private key", "private_key", "credential", "credit card", "card number", "cvv", "cvc", "social security", "ssn", "seed phrase",
        "mnemonic", "one-time code", "otp", "2fa", "recovery code", "session cookie",
    ]

    /// Why it is refused; nil where it is passed on.
    static func objection(to params: Value?) -> String? {
        guard let params else { return "an elicitation without parameters" }
        if params["mode"] == "url" {
            guard let url = params["url"]?.asString, url.hasPrefix("https://") else { return "a page that is not at https://" }
            return nil
        }
        var texts: [String] = []
        collect(params["requestedSchema"] ?? .null, &texts)
        if let message = params["message"]?.asString { texts.append(message) }
        for text in texts {
            let lower = text.lowercased()
            if let word = secrets.first(where: { stands($0, in: lower) }) { return "it asks a person for a secret (`\(word)`)" }
        }
        return nil
    }

    private static func collect(_ value: Value, _ texts: inout [String]) {
        switch value {
        case .string(let text): texts.append(text)
        case .array(let elements): for element in elements { collect(element, &texts) }
        case .object(let object):
            for member in object {
                texts.append(member.name)
                collect(member.value, &texts)
            }
        default: break
        }
    }

    /// As a word or the beginning of one, so that `hotpot` asks for no `otp`; `userPassword` and `user_password` do ask.
    private static func stands(_ word: String, in text: String) -> Bool {
        let bytes = Array(text.utf8)
        let wanted = Array(word.utf8)
        guard bytes.count >= wanted.count else { return false }
        for start in 0...(bytes.count - wanted.count) where bytes[start..<(start + wanted.count)].elementsEqual(wanted) {
            // Long words are told from others wherever they stand.
            if wanted.count > 5 || start == 0 || !(0x61...0x7a).contains(bytes[start - 1]) { return true }
        }
        return false
    }
}
