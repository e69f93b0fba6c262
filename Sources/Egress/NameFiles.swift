// SPDX-License-Identifier: Apache-2.0
// The host's files about names, read as the C library would: which servers are asked, and what /etc/hosts says. A static program has no
// name service. Source: resolv.conf(5), hosts(5).

package enum NameFiles {
    /// The addresses of the first three servers; this machine's own where none is named.
    package static func servers(_ text: String) -> [NetAddress] {
        var servers: [NetAddress] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard words.count >= 2, words[0] == "nameserver", servers.count < 3, let address = NetAddress(words[1]) else { continue }
            servers.append(address)
        }
        return servers.isEmpty ? [.loopback4] : servers
    }

    /// What /etc/hosts says of a canonical name, in its order.
    package static func addresses(of name: String, in hosts: String) -> [NetAddress] {
        var found: [NetAddress] = []
        for line in hosts.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard words.count >= 2, let address = NetAddress(words[0]), !found.contains(address) else { continue }
            if words.dropFirst().contains(where: { (try? Host(Array($0.utf8))) == .name(name) }) { found.append(address) }
        }
        return Array(found.prefix(NameLookup.mostAddresses))
    }
}
