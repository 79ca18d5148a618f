import Foundation
import Mercer
import Testing

/// Ten thousand damaged files for each reader: every one is read or refused with a sentence, nothing crashes, hangs or
/// takes memory that the file doesn't account for.
@Suite struct FuzzTests {
    /// A reader, files to damage, and how many bytes a byte of such a file may become.
    struct Target: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let seeds: @Sendable () throws -> [[UInt8]]
        var expansion = 16
        /// Repairs what would hide the damage, a checksum for instance.
        var repair: @Sendable (inout [UInt8]) -> Void = { _ in }
        /// Reads everything; the bytes of all results.
        let read: @Sendable (FileContents) throws -> Int
    }

    static let targets: [Target] = [
        Target(testDescription: "safetensors", seeds: { [try safetensors()] }) { contents in
            let file = try Safetensors(contents)
            return try file.names.reduce(0) { try $0 + file.tensor($1, copied: true).byteCount }
        },
        Target(
            testDescription: "npy",
            seeds: {
                try ["plain.npy", "version2.npy", "version3.npy"].map { try readBytes(Fixture.path($0)) }
            }
        ) { try Npy.read($0, copied: true).byteCount },
        Target(
            testDescription: "npz, stored", seeds: { [try npz()] }, repair: { repairChecksums(&$0) },
            read: readArchive),
        Target(
            testDescription: "npz, deflated", seeds: { [try readBytes(Fixture.path("compressed.npz"))] },
            expansion: 1032, read: readArchive),
        Target(
            testDescription: "gzip",
            seeds: {
                try ["fixed.gz", "stored.gz", "members.gz", "dynamic.gz"].map {
                    try readBytes(Fixture.path($0))
                }
            },
            expansion: 1032
        ) { try Gzip.unpacked($0).count },
        Target(
            testDescription: "CSV",
            seeds: {
                [
                    Array(
                        "name,\"a \"\"b\"\"\",n\r\nx,\"y\nz\",1.5\n,NA,-2e5\nq,\"\",123456789012345678\n".utf8
                    )
                ]
            },
            expansion: 64
        ) { contents in
            let table = try CSVTable(contents)
            return try table.matrix().byteCount + table.rows * table.names.count
        },
        Target(
            testDescription: "PyTorch",
            seeds: { try ["state.pth", "checkpoint.pth"].map { try readBytes(Fixture.path($0)) } },
            repair: { repairChecksums(&$0) }
        ) { contents in
            let tensors = try PyTorchCheckpoint(contents).tensors
            // Tensors may share a storage: each may be as large as the bound on its own.
            return tensors.values.map { $0.contiguous().byteCount }.max() ?? 0
        },
        Target(testDescription: "GGUF", seeds: { [GGUFBuilder.sample.file] }) { contents in
            let file = try GGUF(contents)
            return try file.names.reduce(0) { try $0 + file.blocks(of: $1).byteCount }
        },
    ]

    @Test(arguments: targets) func damagedFilesAreReadOrRefused(_ target: Target) throws {
        var random = SplitMix(state: 20_240_607)
        let peak = Memory.peak
        var outcomes = (read: 0, refused: 0)
        let seeds = try target.seeds()
        for seed in seeds { #expect(try target.read(FileContents(seed, name: "seed")) > 0) }
        let start = ContinuousClock.now
        for round in 0..<10_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0...Int.random(in: 0..<3, using: &random) { Mutation.apply(to: &bytes, &random) }
            target.repair(&bytes)
            do {
                let size = try target.read(FileContents(bytes, name: "damaged"))
                outcomes.read += 1
                if size > target.expansion * bytes.count + 4096 {
                    Issue.record("round \(round): \(bytes.count) bytes became \(size)")
                }
            } catch let error as TensorFileError {
                outcomes.refused += 1
                let message = error.description
                if !message.hasPrefix("damaged") || message.contains("\n") {
                    Issue.record("round \(round): \(message)")
                }
            }
        }
        #expect(outcomes.read > 0 && outcomes.refused > 1000, "\(outcomes)")
        // Other tests' tensors are counted too; a header that is believed asks for far more.
        #expect(Memory.peak < peak + 8 << 30)
        #expect(ContinuousClock.now - start < .seconds(120))
    }

    // MARK: Files to damage

    private static func safetensors() throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let tensors = [
            "a.weight": Tensor.zeros([3, 4]), "b": Tensor([1, 2] as [Int64]), "flag": Tensor([true, false]),
            "half": Tensor.zeros([2, 1, 3], .bfloat16), "scalar": Tensor([2] as [Double]).reshaped([]),
        ]
        try saveTensors(tensors, to: folder.file("x"), metadata: ["format": "pt", "note": "a \"quoted\" é"])
        return try readBytes(folder.file("x"))
    }

    private static func npz() throws -> [UInt8] {
        let folder = try TemporaryFolder()
        try Npz.write(["x": Tensor.zeros([3, 4]), "y": Tensor([1, 2] as [Int16])], to: folder.file("x"))
        return try readBytes(folder.file("x"))
    }

    private static let readArchive: @Sendable (FileContents) throws -> Int = { contents in
        let file = try Npz(ZipArchive(contents))
        return try file.names.reduce(0) { try $0 + file.tensor($1, copied: true).byteCount }
    }

    /// Sets the checksum of each stored member in the directory of a zip archive, where its fields still make sense.
    private static func repairChecksums(_ bytes: inout [UInt8]) {
        func number(_ at: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
        }
        var record = 0
        while record + 46 <= bytes.count {
            guard bytes[record] == 0x50, bytes[record + 1] == 0x4b, bytes[record + 2] == 1,
                bytes[record + 3] == 2
            else {
                record += 1
                continue
            }
            let (size, header) = (number(record + 20, 4), number(record + 42, 4))
            if header + 30 <= bytes.count {
                let start = header + 30 + number(header + 26, 2) + number(header + 28, 2)
                if start + size <= bytes.count {
                    let value = checksum(bytes[start..<(start + size)])
                    for i in 0..<4 {
                        bytes[record + 16 + i] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(i)))
                    }
                }
            }
            record += 46
        }
    }

    private static let checksumTable: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(UInt32.max) { checksumTable[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ ($0 >> 8) }
    }
}

/// Ways to damage a file.
private enum Mutation {
    private static let numbers: [UInt64] = [
        0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 1 << 40, 1 << 61,
        1 << 62,
        UInt64(Int64.max), 1 << 63, .max, .max - 7,
    ]
    private static let texts = [
        "18446744073709551615", "9223372036854775807", "4294967296", "-1", "NaN", "1e9", "\"", "[[[[", ",",
        "\n",
    ]

    static func apply(to bytes: inout [UInt8], _ random: inout SplitMix) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: 0..<bytes.count, using: &random)
        func length() -> Int { Int.random(in: 1...max(1, min(64, bytes.count - place)), using: &random) }
        switch Int.random(in: 0..<9, using: &random) {
        case 0, 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 3, 4:
            let number = numbers.randomElement(using: &random)!
            let width = [1, 2, 4, 8].randomElement(using: &random)!
            for i in 0..<min(width, bytes.count - place) {
                bytes[place + i] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(i)))
            }
        case 5: bytes.removeLast(bytes.count - place)
        case 6: bytes.removeSubrange(place..<min(bytes.count, place + length()))
        case 7:
            let part = bytes[place..<min(bytes.count, place + length())]
            bytes.insert(contentsOf: Array(part), at: Int.random(in: 0...bytes.count, using: &random))
        default:
            let digits = bytes.indices.filter { bytes[$0] >= 0x30 && bytes[$0] <= 0x39 }
            let target = digits.randomElement(using: &random) ?? place
            bytes.replaceSubrange(target...target, with: texts.randomElement(using: &random)!.utf8)
        }
    }
}

/// A small generator with a fixed sequence.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
