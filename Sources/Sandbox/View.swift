// SPDX-License-Identifier: Apache-2.0
// Which files a cell sees, from the rules about files: the most specific path wins, and at one path a denial beats a
// grant. Every source is resolved here, once; what is mounted later is compared with what was seen.

import Linux

/// A rule with its path resolved.
private struct ResolvedRule {
    let rule: CellRequest.Rule
    /// Without links, as the cell will name it.
    let path: String
    let source: CellSpec.Source?
    /// Where it is on the host, whether it exists or not.
    let host: String
    /// A link on the way to a denied name, not the name itself: only to be kept where it is.
    var isLink = false

    /// The stronger ones first.
    var rank: Int {
        switch rule.kind {
        case .hide: 0
        case .protect: 1
        case .write: 2
        case .read: 3
        }
    }
}

/// What was found at a path that was looked at.
private struct Seen {
    let path: String
    let found: (path: String, status: FileStatus)?
}

private struct SeenLink {
    let path: String
    /// nil where it is no link.
    let target: String?
}

/// Names in the root that are links on most hosts, and then in every cell.
let rootLinks = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]

extension CellRequest.Rule {
    var isGrant: Bool { kind == .read || kind == .write }
}

/// Why nobody can be granted a path.
private func kernelsOwn(_ path: String) -> String? {
    if path == "/" { return "the whole root can only be read; name the folders that may be written" }
    for system in ["/proc", "/sys", "/dev"] where Paths.contains(system, path) {
        return "\(system) is the kernel's; the cell has its own"
    }
    return nil
}

/// The finished list of what the cell sees, in the order of its mounts.
struct View<Host: HostFiles> {
    private(set) var entries: [CellSpec.Entry] = []
    /// Paths under which something of the host is visible, resolved.
    private(set) var granted: [String] = []
    /// Denied paths that do not exist under a writable grant: their names must be kept from being made.
    private(set) var placeholders: [Placeholders.Absent] = []

    private let files: Host
    private let mapsOwners: Bool
    /// What was looked at, as several rules lie in one folder. Few: a list is faster than a table.
    private var seen: [Seen] = []
    private var seenLinks: [SeenLink] = []

    init(files: Host, mapsOwners: Bool) {
        self.files = files
        self.mapsOwners = mapsOwners
    }

    /// Adds all rules. - Throws: paths that do not exist or may not be granted.
    mutating func apply(_ rules: [CellRequest.Rule]) throws(CellError) {
        var resolved: [ResolvedRule] = []
        for rule in rules where rule.isGrant { try resolve(rule, &resolved) }
        let grants = resolved.map(\.path)
        var moved: [(source: String, path: String)] = []
        for item in resolved { if let source = item.source, source.path != item.path { moved.append((source.path, item.path)) } }
        let writes = resolved.contains { $0.rule.kind == .write }
        for rule in rules where !rule.isGrant && rule.target == nil {
            if rule.kind == .protect && !writes { continue }  // nothing can be written anywhere
            if rule.kind == .hide && !rule.builtin && ["/tmp", "/dev", "/dev/shm", "/proc"].contains(rule.path)
                && !grants.contains(where: { Paths.contains(rule.path, $0) })
            {
                throw .badValue("`\(rule.path)` cannot be hidden (\(rule.origin)): the cell has one of its own, with nothing of the host's in it")
            }
            // Most of what is hidden by default lies where nothing is granted: one question is asked about it, or none
            // where its folder does not exist.
            let folder = realFolder(Paths.parent(rule.path))
            let place = canonical(rule.path)
            if writes { keepLinks(to: rule, &resolved) }
            let near = grants.contains { Paths.contains($0, place) || Paths.contains(place, $0) }
            let isMoved = moved.contains { Paths.contains($0.source, place) }
            if rule.kind == .hide && !moved.isEmpty { try refuseMoved(out: [place, look(rule.path)?.path ?? place], resolved) }
            guard near || isMoved || (folder != nil && files.link(place) != nil) else { continue }
            var denied: [ResolvedRule] = []
            try resolve(rule, &denied)
            resolved += denied
            // A moved grant shows the same files under another name: what is denied of them is denied there as well.
            for item in denied {
                for grant in moved where Paths.contains(grant.source, item.path) {
                    let rest = String(decoding: item.path.utf8.dropFirst(grant.source == "/" ? 0 : grant.source.utf8.count), as: UTF8.self)
                    resolved.append(ResolvedRule(rule: rule, path: grant.path + rest, source: item.source, host: item.host))
                }
            }
        }
        // At one path: hide beats protect beats write beats read. What lies in a folder follows it at once: `/w-2` would
        // otherwise stand between `/w` and `/w/.git`, and what is denied inside `/w` would be taken for lying nowhere.
        resolved.sort { a, b in a.path == b.path ? a.rank < b.rank : Paths.precedes(a.path, b.path) }
        var last: String?
        var covering: [ResolvedRule] = []
        for item in resolved {
            if item.path == last { continue }
            last = item.path
            while let top = covering.last, !Paths.contains(top.path, item.path) { covering.removeLast() }
            try place(item, under: covering.last)
            if !item.isLink { covering.append(item) }
        }
    }

    /// Another name in the cell shows nothing that is hidden under its own.
    private func refuseMoved(out of: [String], _ grants: [ResolvedRule]) throws(CellError) {
        for grant in grants where grant.rule.isGrant {
            guard let source = grant.source?.path, source != grant.path, let hidden = of.first(where: { Paths.contains($0, source) }) else { continue }
            throw .refusedPath(source, why: "it lies in `\(hidden)`, which is hidden", origin: grant.rule.origin)
        }
    }

    /// The path without links and what is there; nil if it leads nowhere. One question where the last component is no link.
    mutating func look(_ path: String, depth: Int = 0) -> (path: String, status: FileStatus)? {
        for known in seen where Paths.same(known.path, path) { return known.found }
        let found = find(path, depth)
        seen.append(Seen(path: path, found: found))
        return found
    }

    private mutating func find(_ path: String, _ depth: Int) -> (path: String, status: FileStatus)? {
        if path.utf8.count == 1 { return files.status(path, followLinks: false).map { (path, $0) } }
        let parent = Paths.parent(path)
        guard let folder = parent.utf8.count == 1 ? parent : look(parent, depth: depth)?.path else { return nil }
        let place = Paths.join(folder, Paths.name(path))
        guard let status = files.status(place, followLinks: false) else { return nil }
        if status.kind != .symlink { return (place, status) }
        // One step at a time, so that what was seen already is not asked again; a target with `..` is the library's.
        if depth < 16, let target = link(place) {
            let next = target.utf8.first == 0x2f ? target : Paths.join(folder, target)
            if ProfilePath.isNormal(next[...]) { return look(next, depth: depth + 1) }
        }
        guard let real = files.resolve(place), let status = files.status(real, followLinks: false) else { return nil }
        return (real, status)
    }

    /// A folder without links; nil if it leads nowhere.
    private mutating func realFolder(_ path: String) -> String? { path.utf8.count == 1 ? path : look(path)?.path }

    /// The target of a link; nil where there is none.
    mutating func link(_ path: String) -> String? {
        for known in seenLinks where Paths.same(known.path, path) { return known.target }
        let target = files.link(path)
        seenLinks.append(SeenLink(path: path, target: target))
        return target
    }

    private mutating func resolve(_ rule: CellRequest.Rule, _ list: inout [ResolvedRule]) throws(CellError) {
        if rule.isGrant {
            if rule.path == "/" && rule.kind == .read { return try everything(rule, &list) }
            if let why = kernelsOwn(rule.path) { throw .refusedPath(rule.path, why: why, origin: rule.origin) }
        }
        guard let (real, status) = look(rule.path) else {
            guard !rule.isGrant else {
                if rule.builtin { return }
                throw .noSuchPath(rule.path, origin: rule.origin)
            }
            // Absent: where it would be, as far as the way there exists.
            let path = trail(rule.path).end
            list.append(ResolvedRule(rule: rule, path: path, source: nil, host: path))
            return
        }
        if rule.isGrant {
            if let why = kernelsOwn(real) { throw .refusedPath(rule.path, why: why, origin: rule.origin) }
            guard status.kind == .directory || status.kind == .regular else {
                throw .refusedPath(rule.path, why: "it is neither a file nor a directory", origin: rule.origin)
            }
        }
        list.append(ResolvedRule(rule: rule, path: rule.target ?? real, source: CellSpec.Source(path: real, status: status), host: real))
        if (rule.kind == .read || rule.kind == .write) && rule.target == nil && real != rule.path { links(rule.path) }
    }

    /// The whole host, read-only, without its kernel file systems and its temporary files.
    private func everything(_ rule: CellRequest.Rule, _ list: inout [ResolvedRule]) throws(CellError) {
        for name in files.list("/") where !["proc", "sys", "dev", "tmp", "run", "lost+found"].contains(name) {
            let path = "/" + name
            guard let status = files.status(path, followLinks: false) else { continue }
            if status.kind == .directory || status.kind == .regular {
                list.append(
                    ResolvedRule(
                        rule: CellRequest.Rule(.read, path, origin: rule.origin, builtin: true), path: path,
                        source: CellSpec.Source(path: path, status: status), host: path))
            }
        }
    }

    /// The path with its folder resolved, as far as the folder exists.
    private mutating func canonical(_ path: String) -> String {
        if path == "/" { return path }
        let folder = Paths.parent(path)
        return Paths.join(realFolder(folder) ?? canonical(folder), Paths.name(path))
    }

    /// The links on the way to a path, where each of them is, and where the way ends, which need not exist.
    private mutating func trail(_ path: String) -> (links: [String], end: String) {
        if look(path).map({ Paths.same($0.path, path) }) ?? false { return ([], path) }
        var links: [String] = []
        var rest = path.split(separator: "/").map(String.init)[...]
        var at = "/"
        while let name = rest.popFirst() {
            if name == ".." {
                at = Paths.parent(at)
            } else if name != "." {
                let place = Paths.join(at, name)
                guard links.count < 40, let target = link(place) else {
                    at = place
                    continue
                }
                links.append(place)
                if target.utf8.first == 0x2f { at = "/" }
                rest = (target.split(separator: "/").map(String.init) + rest)[...]
            }
        }
        return (links, at)
    }

    /// A link in a writable folder that leads to a denied name: put aside, another file would stand in its place for the host.
    private mutating func keepLinks(to rule: CellRequest.Rule, _ list: inout [ResolvedRule]) {
        for place in trail(rule.path).links {
            for grant in list where grant.rule.kind == .write {
                guard let source = grant.source?.path, Paths.contains(source, place) else { continue }
                let rest = String(decoding: place.utf8.dropFirst(source.utf8.count), as: UTF8.self)
                list.append(ResolvedRule(rule: rule, path: grant.path + rest, source: nil, host: place, isLink: true))
            }
        }
    }

    /// A granted path that leads through links: the links themselves must be there as well.
    private mutating func links(_ path: String) {
        var end = path.startIndex
        while end != path.endIndex {
            end = path.utf8[path.utf8.index(after: end)...].firstIndex(of: 0x2f) ?? path.endIndex
            let at = String(path[..<end])
            guard let target = link(at) else { continue }
            let entry = CellSpec.Entry.symlink(Paths.relative(at), target: target)
            if !entries.contains(entry) { entries.append(entry) }
            return  // what follows is reached through the link
        }
    }

    private mutating func place(_ item: ResolvedRule, under cover: ResolvedRule?) throws(CellError) {
        let at = Paths.relative(item.path)
        if item.isLink {
            guard let cover, cover.rule.kind == .write else { return }
            entries.append(.pin(at))
            return pin(item, under: cover)
        }
        switch item.rule.kind {
        case .read, .write:
            guard let source = item.source else { return }
            if let cover {
                switch cover.rule.kind {
                case .hide where cover.source != nil:
                    throw .refusedPath(item.path, why: "it lies in `\(cover.path)`, which is hidden", origin: item.rule.origin)
                case .read where item.rule.kind == .read && item.rule.target == nil: return  // visible already
                case .write where item.rule.kind == .write && item.rule.target == nil: return
                default: break
                }
            }
            // What a built-in profile only reads belongs to the system and is readable by anybody; what it writes is the caller's.
            let mapOwner = mapsOwners && (item.rule.kind == .write || !item.rule.builtin)
            entries.append(.bind(source, at: at, item.rule.kind == .write ? .write : .read, mapOwner: mapOwner))
            granted.append(item.path)
        case .hide:
            guard let cover, cover.rule.kind != .hide else { return }
            if let source = item.source {
                entries.append(.mask(at, directory: source.status.kind == .directory))
            } else if cover.rule.kind == .write {
                placeholders.append(Placeholders.Absent(host: item.host, at: item.path))
                pin(item, under: cover)
            } else {
                takeApart(down: item.host, from: cover.host, at: cover.path)
            }
        case .protect:
            guard let cover, cover.rule.kind == .write else { return }
            if let source = item.source {
                entries.append(.protect(source, at: at))
            } else {
                placeholders.append(Placeholders.Absent(host: item.host, at: item.path))
            }
            pin(item, under: cover)
        }
    }

    /// Keeps the folders between a writable grant and a protected name in it where they are. A file in their place (`.git` of
    /// a worktree) is protected itself.
    private mutating func pin(_ item: ResolvedRule, under cover: ResolvedRule) {
        var rest = ""
        for part in String(decoding: item.path.utf8.dropFirst(cover.path.utf8.count), as: UTF8.self).split(separator: "/").dropLast() {
            rest += "/" + part
            let at = Paths.relative(cover.path + rest)
            guard let status = files.status(cover.host + rest, followLinks: false) else { return }
            // What is in it tells: mode and time alone could be given to somebody's folder by a cell before this one.
            if status.isPlaceholder && files.list(cover.host + rest).isEmpty { return }
            let entry = status.kind == .directory ? CellSpec.Entry.pin(at) : .protect(CellSpec.Source(path: cover.host + rest, status: status), at: at)
            guard status.kind == .directory || status.kind == .regular else { return }
            if !entries.contains(entry) { entries.append(entry) }
        }
    }

    /// A hidden name that does not exist in a folder granted for reading: the folder's contents are granted one by one instead
    /// of the folder, so that what is made there later does not appear.
    private mutating func takeApart(down path: String, from top: String, at target: String) {
        var folder = top
        while Paths.contains(folder, path) && folder != path {
            let inCell = target + String(decoding: folder.utf8.dropFirst(top == "/" ? 0 : top.utf8.count), as: UTF8.self)
            let at = Paths.relative(inCell)
            if let i = entries.firstIndex(where: { if case .bind(_, at, .read, _) = $0 { $0.path == at } else { false } }),
                case .bind(let source, _, let access, let mapOwner) = entries[i], source.status.kind == .directory
            {
                entries[i] = .directory(at, mode: source.status.mode & 0o755 | 0o555)
                for name in files.list(folder) {
                    let child = folder == "/" ? "/" + name : folder + "/" + name
                    let place = Paths.relative(inCell + "/" + name)
                    if let target = files.link(child) {
                        entries.append(.symlink(place, target: target))
                    } else if let status = files.status(child, followLinks: false), status.kind == .directory || status.kind == .regular {
                        entries.append(.bind(CellSpec.Source(path: child, status: status), at: place, access, mapOwner: mapOwner))
                    }
                }
            }
            let rest = path.dropFirst(folder == "/" ? 1 : folder.count + 1)
            let next = (folder == "/" ? "" : folder) + "/" + String(rest.prefix { $0 != "/" })
            if files.status(next, followLinks: false)?.kind != .directory { return }
            folder = next
        }
    }

    /// What this path leads to, in the cell as on the host; nil where the cell does not see it.
    mutating func leads(to path: String) -> String? {
        // A path of which the cell has no part is not looked at.
        let relative = Paths.relative(path)
        let isPart = entries.contains { Paths.contains($0.path, relative) } || rootLinks.contains { Paths.contains($0, relative) }
        guard isPart else { return nil }
        guard let real = look(path)?.path, shows(real) else { return nil }
        return real
    }

    /// Whether the cell sees this path of the host, which has no links in it.
    func shows(_ path: String) -> Bool {
        var inside = false
        let relative = Paths.relative(path)
        for entry in entries {
            switch entry {
            case .bind(_, let at, _, _): if Paths.contains(at, relative) { inside = true }
            case .directory(let at, _): if at == relative { inside = true }
            case .mask(let at, _): if Paths.contains(at, relative) { inside = false }
            default: break
            }
        }
        return inside
    }
}
