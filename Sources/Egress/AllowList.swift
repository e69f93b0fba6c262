// SPDX-License-Identifier: Apache-2.0
// What one cell may reach, and the addresses that stand for names inside of it: each name of the list has one of 198.18.0.0/15, so that two
// names on one server stay two endpoints, and an address that was looked up leads to what was judged. The table is fixed when the cell begins:
// nothing that a cell asks makes it grow.

package struct AllowList: Equatable, Sendable {
    /// More than this nobody reads.
    package static let most = 256

    /// In the order in which they were named, each once.
    package private(set) var endpoints: [Endpoint] = []
    /// The names among them, each once; the place of a name makes its address. Without `localhost`, which stands in the hosts file.
    package private(set) var names: [String] = []
    private var set: Set<Endpoint> = []
    private var places: [String: Int] = [:]

    package init() {}

    package init(_ endpoints: [Endpoint]) {
        for endpoint in endpoints.prefix(AllowList.most) { add(endpoint) }
    }

    package var isEmpty: Bool { endpoints.isEmpty }

    private mutating func add(_ endpoint: Endpoint) {
        guard set.insert(endpoint).inserted else { return }
        endpoints.append(endpoint)
        if case .name(let name) = endpoint.host, endpoint.host != .localhost, places[name] == nil {
            places[name] = names.count
            names.append(name)
        }
    }

    package func contains(_ endpoint: Endpoint) -> Bool { set.contains(endpoint) }

    /// 198.18.0.1 and on; the first network address of the range is nobody's.
    package func standIn(for name: String) -> NetAddress? { places[name].map { .v4(0xc612_0001 + UInt32($0)) } }

    package func name(at address: NetAddress) -> String? {
        guard case .v4(let number) = address, number > 0xc612_0000, case let place = Int(number - 0xc612_0001), place < names.count else { return nil }
        return names[place]
    }

    /// Which of a name's addresses may be used on a port: global ones, and those that the list names themselves.
    /// - Returns: the usable ones in their order, and the first that is not.
    package func usable(_ addresses: [NetAddress], port: UInt16) -> (usable: [NetAddress], refused: NetAddress?) {
        func isFine(_ address: NetAddress) -> Bool { address.kind == .global || address.kind.isNameable && contains(Endpoint(.address(address), port: port)) }
        return (addresses.filter(isFine), addresses.first { !isFine($0) })
    }
}
