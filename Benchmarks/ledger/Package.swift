// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// The ledger's benchmark, its soak and the program that its windows' oracle asks: a package of its own, so that measuring builds the two
// modules alone. The sources of the modules and of the simulation are links.

import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-Xfrontend", "-disable-concrete-type-metadata-mangled-name-accessors"])
]

let package = Package(
    name: "ledger",
    targets: [
        .target(name: "JSON", swiftSettings: strict),
        .target(name: "Budget", dependencies: ["JSON"], swiftSettings: strict),
        .executableTarget(name: "ledger", dependencies: ["Budget", "JSON"], swiftSettings: strict)
    ]
)
