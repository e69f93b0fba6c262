// SPDX-License-Identifier: Apache-2.0
//
// A set of policies and templates with unique ids. Order is that of insertion; it decides nothing.

public struct PolicySet: Sendable {
    /// Static and linked policies.
    public private(set) var policies: [Policy] = []
    public private(set) var templates: [Template] = []
    private var policyIndex: [Text: Int] = [:]
    private var templateIndex: [Text: Int] = [:]

    public init() {}

    public func policy(_ id: Text) -> Policy? { policyIndex[id].map { policies[$0] } }
    public func template(_ id: Text) -> Template? { templateIndex[id].map { templates[$0] } }

    /// Adds a policy without slots.
    ///
    /// - Throws: `.data` if the id is taken.
    public mutating func add(_ policy: Policy) throws(CedarError) {
        try checkFree(policy.id)
        policyIndex[policy.id] = policies.count
        policies.append(policy)
    }

    /// Adds a template.
    ///
    /// - Throws: `.data` if the id is taken.
    public mutating func add(_ template: Template) throws(CedarError) {
        try checkFree(template.id)
        templateIndex[template.id] = templates.count
        templates.append(template)
    }

    /// Links a template of the set.
    ///
    /// - Throws: `.data` if there is no such template, the values do not fit its slots or the id is taken.
    public mutating func link(
        template: Text, as id: Text, _ values: [Slot: EntityUID]
    ) throws(CedarError) {
        guard let found = self.template(template) else {
            throw CedarError(.data, "the link `\(id)` names a template `\(template)` that the set lacks")
        }
        try add(try found.link(id: id, values))
    }

    private func checkFree(_ id: Text) throws(CedarError) {
        guard policyIndex[id] == nil, templateIndex[id] == nil else {
            throw CedarError(.data, "two policies have the id `\(id)`")
        }
    }
}
