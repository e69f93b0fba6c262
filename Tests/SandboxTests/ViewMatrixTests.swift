// SPDX-License-Identifier: Apache-2.0
// What a cell sees of a made-up host: incident 25, rules that overlap, whatever their order; names that are not there yet; links;
// folders that are moved; the whole root.

import Testing

@testable import Sandbox

private let host = FakeFiles(
    """
    d /w/a/b/c
    f /w/file
    d /w/.git/hooks
    d /h/u/.ssh
    f /h/u/notes
    d /h/u/work
    l /alias -> /w
    l /w/out -> /h/u
    l /h/u/dots -> /srv/dots
    f /srv/dots/secret
    d /usr/bin
    d /proc
    d /sys
    d /dev
    d /tmp
    p /w/pipe
    c /w/device
    l /bin -> usr/bin
    """)

/// Rules in a short notation: `r /usr`, `w /w`, `h /h`, `p /p`, `w /src>/dst` (moved), `b /p` (read, of a built-in profile).
private func rules(_ text: String) -> [CellRequest.Rule] {
    text.split(separator: ",").map { item in
        let words = item.split(separator: " ").map(String.init)
        let kinds: [String: CellRequest.Kind] = ["r": .read, "b": .read, "w": .write, "h": .hide, "p": .protect]
        let parts = words[1].split(separator: ">").map(String.init)
        return .init(kinds[words[0]] ?? .hide, parts[0], target: parts.count > 1 ? parts[1] : nil, origin: "-" + words[0], builtin: words[0] == "b")
    }
}

/// The entries and placeholders in short.
private func view(_ text: String) -> String {
    var view = View(files: host, mapsOwners: false)
    do {
        try view.apply(rules(text))
    } catch {
        return error.message.text.replacing(/\ \(-[rw]\)$/, with: "")
    }
    let entries = view.entries.map { entry in
        switch entry {
        case .bind(let source, let at, let access, _): "\(access == .write ? "w" : "r") /\(at)\(source.path == "/" + at ? "" : "=" + source.path)"
        case .mask(let at, _): "mask /\(at)"
        case .protect(let source, let at): "protect /\(at)\(source.path == "/" + at ? "" : "=" + source.path)"
        case .symlink(let at, let target): "link /\(at)->\(target)"
        case .directory(let at, _): "dir /\(at)"
        case .pin(let at): "pin /\(at)"
        case .file(let at, _, _), .scratch(let at, _): "made /\(at)"
        }
    }
    return (entries + view.placeholders.map { "absent \($0.at)\($0.host == $0.at ? "" : "=" + $0.host)" }).joined(separator: ", ")
}

@Suite("overlapping rules, incident 25")
struct ViewMatrixTests {
    @Test(arguments: [
        ("r /w", "r /w"),
        ("r /w,w /w/a", "r /w, w /w/a"),
        ("w /w,r /w/a", "w /w, r /w/a"),
        ("r /w,r /w/a", "r /w"),
        ("w /w,w /w/a", "w /w"),
        ("r /w,w /w/a,r /w/a/b", "r /w, w /w/a, r /w/a/b"),
        ("w /w,h /w/a", "w /w, mask /w/a"),
        ("r /w,h /w/a", "r /w, mask /w/a"),
        ("r /w,h /w/file", "r /w, mask /w/file"),
        ("w /w,p /w/a", "w /w, protect /w/a"),
        ("r /w,p /w/a", "r /w"),
        ("p /w", ""), ("h /w", ""),
        ("h /w/a,p /w/a,r /w", "r /w, mask /w/a"),
        ("w /w,p /w/a,p /w/a/b", "w /w, protect /w/a"),
        ("w /w,p /w/a,w /w/a/b", "w /w, protect /w/a, w /w/a/b"),
        ("w /w,h /w/a,h /w/a/b", "w /w, mask /w/a"),
        ("r /w,w /w", "w /w"), ("r /w,h /w", ""), ("w /w,h /w", ""),
        // What lies in something hidden cannot be granted.
        ("r /w,h /w/a,r /w/a/b", "`/w/a/b` cannot be granted: it lies in `/w/a`, which is hidden"),
        ("w /w,h /w/a,w /w/a/b", "`/w/a/b` cannot be granted: it lies in `/w/a`, which is hidden"),
        // Absent names.
        ("w /w,p /w/.claude", "w /w, absent /w/.claude"),
        ("w /w,h /w/new", "w /w, absent /w/new"),
        ("w /w,p /w/deep/er", "w /w, absent /w/deep/er"),
        ("w /w,p /w/a/b/c/x/y", "w /w, pin /w/a, pin /w/a/b, pin /w/a/b/c, absent /w/a/b/c/x/y"),
        ("w /w,p /w/a/b", "w /w, protect /w/a/b, pin /w/a"),
        ("w /w,p /w/.git/hooks,p /w/.git/config", "w /w, pin /w/.git, protect /w/.git/hooks, absent /w/.git/config"),
        ("w /w,h /w/a/new", "w /w, pin /w/a, absent /w/a/new"),
        ("w /w,h /w/a/b", "w /w, mask /w/a/b"),
        ("w /w,p /w/file/x", "w /w, protect /w/file, absent /w/file/x"),
        ("w /w/a,p /w/a/b/c", "w /w/a, protect /w/a/b/c, pin /w/a/b"),
        ("r /w,p /w/.claude", "r /w"),
        ("r /nothing", "no such file or directory: `/nothing`"), ("w /nothing", "no such file or directory: `/nothing`"), ("b /nothing", ""),
        ("h /nothing,p /none", ""),
        // Links.
        ("r /alias", "link /alias->/w, r /w"),
        ("w /alias/a", "link /alias->/w, w /w/a"),
        ("w /w,h /alias/a", "w /w, mask /w/a"),
        ("w /w,p /alias/.claude", "w /w, absent /w/.claude"),
        ("w /w,h /w/out", "w /w, pin /w/out"),
        ("r /h/u,h /w/out/.ssh", "r /h/u, mask /h/u/.ssh"),
        ("r /bin", "link /bin->usr/bin, r /usr/bin"),
        // What cannot be granted at all.
        ("w /", "`/` cannot be granted: the whole root can only be read; name the folders that may be written"),
        ("r /proc", "`/proc` cannot be granted: /proc is the kernel's; the cell has its own"),
        ("r /dev", "`/dev` cannot be granted: /dev is the kernel's; the cell has its own"),
        ("w /sys", "`/sys` cannot be granted: /sys is the kernel's; the cell has its own"),
        ("r /w/pipe", "`/w/pipe` cannot be granted: it is neither a file nor a directory"),
        ("r /w/device", "`/w/device` cannot be granted: it is neither a file nor a directory"),
        // The whole root.
        ("r /", "r /h, r /srv, r /usr, r /w"),
        ("r /,w /w/a", "r /h, r /srv, r /usr, r /w, w /w/a"),
        ("r /,h /h/u/.ssh", "r /h, mask /h/u/.ssh, r /srv, r /usr, r /w"),
        // Elsewhere.
        ("r /w>/mnt/w", "r /mnt/w=/w"),
        ("r /w>/mnt,w /w/a>/mnt/a", "r /mnt=/w, w /mnt/a=/w/a"),
        ("w /h/u>/mnt,h /h/u/.ssh", "w /mnt=/h/u, mask /mnt/.ssh"),
        ("w /w>/mnt,p /w/.git/hooks", "w /mnt=/w, protect /mnt/.git/hooks=/w/.git/hooks, pin /mnt/.git"),
        ("w /w>/mnt,p /w/.claude", "w /mnt=/w, absent /mnt/.claude=/w/.claude"),
        ("r /h/u>/mnt,h /h/u/.ssh", "r /mnt=/h/u, mask /mnt/.ssh"),
    ])
    func `the most specific path wins and a denial beats a grant`(text: String, expected: String) {
        let wanted = expected.split(separator: ", ").sorted()
        #expect(view(text).split(separator: ", ").sorted() == wanted, "\(text)")
        let turned = text.split(separator: ",").reversed().joined(separator: ",")
        #expect(view(turned).split(separator: ", ").sorted() == wanted, "\(turned)")
    }

    @Test func `a name hidden before it exists does not appear in a folder that is read`() {
        // The folder is granted name by name, so that what is made later is not seen.
        #expect(view("r /h/u,h /h/u/.aws") == "dir /h/u, r /h/u/.ssh, link /h/u/dots->/srv/dots, r /h/u/notes, r /h/u/work")
        #expect(view("r /h,h /h/u/.aws") == "dir /h, dir /h/u, r /h/u/.ssh, link /h/u/dots->/srv/dots, r /h/u/notes, r /h/u/work")
    }

    @Test(arguments: [
        ("r /w", "/w", true), ("r /w", "/w/a/b", true), ("r /w", "/wx", false), ("w /w,h /w/a", "/w/a/b", false), ("w /w,h /w/a", "/w/b", true),
        ("h /w", "/w", false), ("r /w>/mnt", "/mnt/a", true),
    ])
    func `the view tells what it shows`(text: String, path: String, shown: Bool) throws {
        var view = View(files: host, mapsOwners: false)
        try view.apply(rules(text))
        #expect(view.shows(path) == shown)
    }
}
