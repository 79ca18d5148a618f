// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Mercer",
    products: [
        .library(name: "Mercer", targets: ["Mercer"]),
        .library(name: "MercerNN", targets: ["MercerNN"]),
        .library(name: "MercerPapers", targets: ["MercerPapers"]),
        .library(name: "MercerImageIO", targets: ["MercerImageIO"]),
        .library(name: "MercerImage", targets: ["MercerImage"]),
        .library(name: "MercerKernelMethods", targets: ["MercerKernelMethods"]),
        .executable(name: "mercer", targets: ["mercer"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
    ],
    targets: [
        // C: leaf loops, and module maps of system libraries.
        .target(name: "CKernels"),
        .systemLibrary(
            name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        // libvips is loaded when the first picture is read; nothing of it is needed to build.
        .target(name: "CVips"),

        // The engine, networks, and papers as objects.
        .target(name: "Mercer", dependencies: ["CKernels", "COpenBLAS"]),
        .target(name: "MercerNN", dependencies: ["Mercer", "CKernels"]),
        .target(
            name: "MercerPapers", dependencies: ["Mercer"], resources: [.embedInCode("papers.json")]
        ),

        // Domains.
        .target(name: "MercerImageIO", dependencies: ["Mercer", "CVips"]),
        .target(
            name: "MercerImage", dependencies: ["CKernels", "Mercer", "MercerNN", "MercerPapers", "MercerImageIO"],
            resources: [.copy("Weights")]),
        .target(
            name: "MercerKernelMethods",
            dependencies: ["Mercer", "MercerNN", "MercerPapers", "MercerImageIO", "CKernels", "COpenBLAS"]),

        // The command, and the cases that it measures beside other libraries.
        .target(
            name: "MercerBenchmarks",
            dependencies: [
                "CKernels", "Mercer", "MercerNN", "MercerPapers", "MercerImage", "MercerKernelMethods",
            ],
            path: "Benchmarks/Mercer"),
        .executableTarget(
            name: "mercer",
            dependencies: [
                "Mercer", "MercerNN", "MercerPapers", "MercerImageIO", "MercerImage",
                "MercerKernelMethods",
                "MercerBenchmarks",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // Helpers that tests start as processes of their own.
        .executableTarget(
            name: "training-probe", dependencies: ["MercerNN"], path: "Tests/Support/TrainingProbe"),

        .testTarget(
            name: "MercerTests", dependencies: ["Mercer", "CKernels"], exclude: ["Files/Fixtures"]),
        .testTarget(
            name: "MercerNNTests", dependencies: ["MercerNN", "training-probe"],
            exclude: ["Fixtures/make.py", "Fixtures/optimizers.json", "Fixtures/schedules.json"]),
        .testTarget(name: "MercerPapersTests", dependencies: ["MercerPapers"]),
        .testTarget(
            name: "MercerImageTests",
            dependencies: ["MercerImage", "MercerImageIO", "MercerNN", "MercerPapers"]),
        .testTarget(name: "MercerKernelMethodsTests", dependencies: ["MercerKernelMethods", "MercerNN"]),
        .testTarget(
            name: "OracleTests", dependencies: ["Mercer", "MercerNN", "MercerImage", "MercerKernelMethods"]),
        .testTarget(name: "CommandTests", dependencies: ["mercer", "Mercer", "MercerImageIO"]),
    ],
    swiftLanguageModes: [.v6]
)
