// SPDX-License-Identifier: Apache-2.0
//
// The cell flags of the command line, added to a profile: the same rules, the same words, the same errors as in a file, with the flag for a
// place. Relative paths count from the caller's directory.

package import Config
import Egress
package import Events

extension Profile {
    /// `-r PATH`, `-w PATH`, each also SOURCE:TARGET.
    package mutating func add(_ kind: FileRule.Kind, _ text: String, flag: String, places: Places) throws(ConfigError) {
        let origin = Origin(profile: nil, file: flag, mark: nil, isBuiltIn: false)
        let rule = try Profile.reading(flag) { () throws(ProfileFault) in
            try FileRule.read(kind, text, splits: true, base: places.directory, home: places.home, origin: origin)
        }
        if let rule { files.append(rule) }
    }

    /// `-e NAME`, `-e NAME=VALUE`.
    package mutating func addEnvironment(_ text: String, flag: String) throws(ConfigError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        try Profile.reading(flag) { () throws(ProfileFault) in try ProfileName.checkVariable(parts[0], orPrefix: parts.count == 1) }
        if parts.count == 2 {
            environment.set[parts[0]] = parts[1]
        } else if !environment.pass.contains(parts[0]) {
            environment.pass.append(parts[0])
        }
    }

    /// `--net none|loopback|host`, or `--net HOST:PORT`, any number of those. What the profile says of the network is replaced.
    package mutating func setNetwork(_ texts: [String], flag: String) throws(ConfigError) {
        endpoints = []
        for text in texts {
            if texts.count > 1, let mode = Network(rawValue: text) {
                let other = texts.first { $0 != text } ?? text
                throw ConfigError(
                    file: flag, mark: nil, message: "`\(mode.rawValue)` and \(quoted(other)) do not go together",
                    help: "one of none, loopback and host, or any number of HOST:PORT")
            }
            try setNetwork(text, flag: flag)
        }
    }

    /// `--net none|loopback|host|HOST:PORT`.
    package mutating func setNetwork(_ text: String, flag: String) throws(ConfigError) {
        if let mode = Network(rawValue: text) {
            network = mode
            endpoints = []
        } else if text.utf8.contains(0x3a) {
            let endpoint = try Profile.reading(flag) { () throws(ProfileFault) in try Profile.endpoint(text) }
            network = .none
            if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
            if endpoints.count > AllowList.most { throw ConfigError(file: flag, mark: nil, message: "more than \(AllowList.most) endpoints", help: nil) }
        } else {
            throw ConfigError(
                file: flag, mark: nil, message: "expected `none`, `loopback`, `host` or HOST:PORT, found \(quoted(text))",
                help: nearest(text, in: Network.allCases.map(\.rawValue)).map { "did you mean `\($0)`?" })
        }
    }

    /// `--memory 512M` and the other limits.
    package mutating func setLimit(_ limit: Limit, _ text: String, flag: String, machine: Machine = .unknown) throws(ConfigError) {
        let bound: Int64
        do {
            bound = try limit.bound(text)
        } catch {
            throw ConfigError(file: flag, mark: nil, message: error.message, help: error.help)
        }
        if let fault = limit.fault(bound, text, on: machine) { throw ConfigError(file: flag, mark: nil, message: fault.message, help: fault.help) }
        limits[limit] = bound
    }

    /// `--waive NAME`.
    package mutating func waive(_ text: String, flag: String) throws(ConfigError) {
        waived.insert(try Profile.reading(flag) { () throws(ProfileFault) in try Protection.waiver(text) })
    }

    static func endpoint(_ text: String) throws(ProfileFault) -> Endpoint {
        do { return try Endpoint(text) } catch { throw ProfileFault(message: error.message, help: error.help) }
    }

    private static func reading<Result>(_ flag: String, _ read: () throws(ProfileFault) -> Result) throws(ConfigError) -> Result {
        do {
            return try read()
        } catch {
            throw ConfigError(file: flag, mark: nil, message: error.message, help: error.help)
        }
    }
}
