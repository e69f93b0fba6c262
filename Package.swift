// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// The modules and the direction of their imports are explained in ARCHITECTURE.md; Tests/TidyTests holds them to it.

import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // Generic types are found through their static accessors: by name, each first use scans every conformance of the binary.
    .unsafeFlags(["-Xfrontend", "-disable-concrete-type-metadata-mangled-name-accessors"]),
]

/// For what runs once in a launch, or at a person's word: the binary may have 20 MB, and fewer pages are read at the start.
let compact: [SwiftSetting] = strict + [.unsafeFlags(["-Osize"], .when(configuration: .release))]

/// See the script. It asks for lld, which comes with the toolchain.
let withoutUnwinding: [LinkerSetting] = [
    .unsafeFlags(
        ["-use-ld=lld", "-Xlinker", "--no-eh-frame-hdr", "-Xlinker", "-T", "-Xlinker", "\(Context.packageDirectory)/.ci/no-unwind.ld"],
        .when(configuration: .release))
]

func module(_ name: String, _ dependencies: [Target.Dependency] = [], isCompact: Bool = false) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: isCompact ? compact : strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let package = Package(
    name: "fumehood",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CCap", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
        .systemLibrary(name: "CYaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CNettle", pkgConfig: "hogweed", providers: [.apt(["nettle-dev", "libgmp-dev"])]),
        .target(
            name: "CLinux",
            cSettings: [
                .treatAllWarnings(as: .error),
                .unsafeFlags(["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-fno-stack-protector", "-Wall", "-Wextra"]),
            ]),
        module("JSON"),
        module("Config", ["CYaml"], isCompact: true),
        module("Events", ["JSON"]),
        module("Linux", ["CLinux", "CCap"]),
        module("Syscalls", ["JSON", "Config"], isCompact: true),
        module("Egress"),
        module("Cedar", ["JSON"]),
        module("Budget", ["JSON"]),
        module("AuditLog", ["JSON", "Events", "Linux", "Budget", "CNettle"]),
        module("Governance", ["JSON", "Config", "Events", "Cedar", "Budget", "AuditLog"]),
        module("Broker", ["JSON", "Events", "Governance"]),
        module("Sandbox", ["JSON", "Config", "Events", "CLinux", "Linux", "Syscalls", "Egress"], isCompact: true),
        module("Supervision", ["Events", "Sandbox"]),
        module("Learning", ["JSON", "Config", "Events", "Linux", "Syscalls", "Sandbox"], isCompact: true),
        module(
            "Session",
            ["JSON", "Events", "Linux", "Syscalls", "Sandbox", "AuditLog", "Budget", "Governance", "Broker", "Supervision", "Learning", "Egress"]),
        .executableTarget(
            name: "fumehood",
            dependencies: [
                "JSON", "Config", "Events", "Linux", "Syscalls", "Sandbox", "Supervision", "Session", "Cedar", "Budget", "AuditLog", "Governance",
                "Broker", "Learning", "Egress",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: compact, linkerSettings: withoutUnwinding),
        .executableTarget(name: "cedar-corpus", dependencies: ["Cedar", "JSON"], swiftSettings: strict),
        .executableTarget(name: "audit-log-writer", dependencies: ["AuditLog", "JSON", "Linux"], swiftSettings: strict),
        .executableTarget(
            name: "door-bench", dependencies: ["Governance", "AuditLog", "Budget", "Cedar", "Events", "JSON", "Linux"], swiftSettings: strict),
        tests("JSONTests", ["JSON"]),
        tests("ConfigTests", ["Config"]),
        tests("EventsTests", ["Events", "JSON"]),
        tests("SyscallsTests", ["Syscalls", "JSON", "CSeccomp"]),
        tests("EgressTests", ["Egress"]),
        tests("SandboxTests", ["Sandbox", "Linux", "Syscalls", "Config", "JSON", "Events", "Egress"], exclude: ["Golden/plans"]),
        tests("SessionTests", ["Session", "Supervision", "Sandbox", "Linux", "Syscalls", "JSON", "Events"]),
        tests("SupervisionTests", ["Supervision", "Sandbox", "Events"]),
        tests("CedarTests", ["Cedar", "JSON"]),
        tests("BudgetTests", ["Budget", "JSON"]),
        tests("AuditLogTests", ["AuditLog", "Budget", "Events", "JSON", "Linux"]),
        tests("LearningTests", ["Learning", "Sandbox", "Syscalls", "Config", "JSON"]),
        tests("GovernanceTests", ["Governance", "AuditLog", "Budget", "Cedar", "Events", "JSON"]),
        tests("BrokerTests", ["Broker", "Governance", "JSON", "Events"]),
        tests("IncidentTests", ["Session", "Sandbox", "Linux", "Syscalls", "JSON", "Events"]),
        tests("PolicyCommandTests", ["JSON"]),
        tests("TidyTests", []),
        // Runs the built binary for the two below.
        .target(name: "BuiltBinary", dependencies: ["JSON"], path: "Tests/BuiltBinary", swiftSettings: strict),
        tests("ProfileTests", ["BuiltBinary", "JSON"]),
        tests("CommandTests", ["BuiltBinary", "JSON"]),
        tests("FumehoodTests", ["fumehood", "Events", "JSON", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    ]
)
