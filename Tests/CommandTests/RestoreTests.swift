import Foundation
import Mercer
import MercerImageIO
import Testing

@Suite struct RestoreTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let x = Random.uniform(0..<1, [40, 44, 3], key: RandomKey(1))
        try Bitmap(x).write(to: path("a.png"))
        try Bitmap(x[0..., 0..., 0..<1]).write(to: path("grey.png"))
        try Bitmap(x[0..<30, 0..., 0...]).write(to: path("low.png"))
        try Npy.write(Tensor([1, 2, 1] as [Float], [1, 3]), to: path("k.npy"))
        try Npy.write(Tensor([1, -2, 1] as [Float], [1, 3]), to: path("negative.npy"))
        try Npy.write(Tensor.zeros([3, 3]), to: path("empty.npy"))
        try Npy.write(Tensor([1, .nan, 1] as [Float], [1, 3]), to: path("hole.npy"))
        try Npy.write(Random.uniform(0..<1, [32, 36, 4], key: RandomKey(2)) * 2000.0, to: path("ms.npy"))
        try Npy.write(Random.uniform(0..<1, [128, 144], key: RandomKey(3)) * 2000.0, to: path("pan.npy"))
        try Npy.write(Random.uniform(0..<1, [120, 144], key: RandomKey(3)), to: path("short.npy"))
    }

    private func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

    private func restore(_ arguments: [String]) throws -> Command.Result {
        try Command.run(Command.executable, ["restore"] + arguments, in: folder.url)
    }

    @Test(arguments: ["wiener", "richardson-lucy", "dip", "drp"])
    func everyMethodWritesAPictureOfTheSameSize(_ method: String) throws {
        let result = try restore([
            "a.png", "--method", method, "--kernel", "disk:1.5", "-o", "out.png", "--iterations", "3", "--reference",
            "a.png", "--compare", "sheet.html", "--json",
        ])
        #expect(result.status == 0, "\(result.errors)")
        let json = try result.json() as? [String: Any]
        #expect(json?["psnr"] as? Double != nil && json?["method"] as? String == method)
        let picture = try Bitmap(contentsOf: path("out.png"))
        #expect(picture.width == 44 && picture.height == 40 && picture.channels == 3)
        #expect(try String(contentsOfFile: path("sheet.html"), encoding: .utf8).contains("data:image/png"))
        #expect(!FileManager.default.fileExists(atPath: path("out.png.state")))
    }

    @Test func aStoppedJobGoesOnByTheSameCommand() throws {
        let command =
            "exec '\(Command.executable.path)' restore grey.png --kernel disk:1.5 -o out.png --iterations 400 --seed 3"
        // Stopped when the first state is there.
        let script = "( \(command) ) & while [ ! -e out.png.state ]; do sleep 0.1; done; kill -TERM $!; wait $!"
        let stopped = try Command.run(URL(fileURLWithPath: "/bin/sh"), ["-c", script], in: folder.url)
        #expect(stopped.errors.contains("goes on from there"), "\(stopped.errors)")
        #expect(try Bitmap(contentsOf: path("out.png")).width == 44)
        let rest = try restore([
            "grey.png", "--kernel", "disk:1.5", "-o", "out.png", "--iterations", "400", "--seed", "3", "--json",
        ])
        #expect(rest.status == 0, "\(rest.errors)")
        let json = try rest.json() as? [String: Any]
        #expect(json?["iterations"] as? Int == 400 && json?["finished"] as? Bool == true)
        #expect(!FileManager.default.fileExists(atPath: path("out.png.state")))
    }

    @Test func theResidualIsWrittenAndTheKernelsChangesAreTold() throws {
        let result = try restore([
            "grey.png", "--kernel", "k.npy", "-o", "out.png", "--iterations", "2", "--save-residual", "r.png",
        ])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("summed to 4"))
        #expect(try Bitmap(contentsOf: path("r.png")).width == 44)
    }

    @Test(arguments: [
        (["a.png", "-o", "o.png"], "which kernel"), (["a.png", "--kernel", "disk:x", "-o", "o.png"], "disk:RADIUS"),
        (["a.png", "--kernel", "disk:2", "-o", "o.bmp"], "must end"),
        (["a.png", "--kernel", "disk:2", "-o", "o.png", "--method", "bogus"], "richardson-lucy"),
        (["a.png", "--kernel", "disk:2", "-o", "o.png", "--variant", "other"], "official"),
        (["a.png", "--kernel", "disk:2", "-o", "o.png", "--iterations", "0"], "iterations"),
        (["a.png", "--kernel", "disk:2", "-o", "o.png", "--channels", "some"], "luma"),
        (["a.png", "--kernel", "disk:2", "-o", "o.png", "--method", "dip", "--save-residual", "r.png"], "only drp"),
        (["--kernel", "disk:2", "-o", "o.png"], "which picture"),
        (["--method", "gsa", "-o", "o.tif"], "--ms"),
        (["--method", "gsa", "--ms", "ms.npy", "--pan", "pan.npy", "-o", "o.png"], ".npy"),
        (["--method", "gsa", "--ms", "ms.npy", "--pan", "pan.npy", "-o", "o.npy", "--sensor", "XY"], "IKONOS"),
        (
            ["--method", "gsa", "--ms", "ms.npy", "--pan", "pan.npy", "-o", "o.npy", "--sensor", "gains=2"],
            "between 0 and 1"
        ),
    ])
    func wrongUsageIsExplained(_ arguments: [String], _ word: String) throws {
        let result = try restore(arguments)
        #expect(result.status == 64, "\(arguments)")
        #expect(result.errors.contains(word), "\(arguments): \(result.errors)")
    }

    @Test(arguments: [
        (["a.png", "--kernel", "negative.npy"], "negative element -2"), (["a.png", "--kernel", "empty.npy"], "are 0"),
        (["a.png", "--kernel", "a.png"], "colours differ"), (["a.png", "--kernel", "disk:30"], "larger than"),
        (["low.png", "--kernel", "disk:2"], "at least 32"),
        (["a.png", "--kernel", "disk:2", "--reference", "low.png"], "44x40"),
        (["missing.png", "--kernel", "disk:2"], "no such file"),
        (["a.png", "--kernel", "none.npy"], "none.npy"),
        (["a.png", "--kernel", "hole.npy"], "hole.npy: the kernel has"),
        (["low.png", "--kernel", "disk:2"], "low.png: the picture has 44x30"),
        (["a.png", "--kernel", "disk:2", "--reference", "low.png"], "low.png: the reference has 44x30"),
        (["a.png", "--kernel", "disk:2", "--reference", "grey.png"], "the reference is grey"),
        (["a.png", "--kernel", "disk:2", "--residual-weights", "k.npy"], "k.npy"),
    ])
    func wrongInputIsNamed(_ arguments: [String], _ word: String) throws {
        let result = try restore(arguments + ["-o", "out.png", "--iterations", "2"])
        #expect(result.status == 1, "\(arguments)")
        #expect(result.errors.contains(word), "\(arguments): \(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: path("out.png")))
    }

    @Test func evenKernelsArePaddedAndTheOfficialVariantNeedsNoCheckpoint() throws {
        try Npy.write(Tensor([1, 1, 1, 1] as [Float], [2, 2]) / 4.0, to: path("even.npy"))
        let result = try restore([
            "grey.png", "--kernel", "even.npy", "-o", "out.png", "--iterations", "2", "--variant", "official",
        ])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("even.npy of 2x2 was padded by zeros to 3x3"), "\(result.errors)")
    }

    @Test func classicalPansharpeningWritesEveryBand() throws {
        for method in ["exp", "brovey", "gsa", "mtf-glp"] {
            let result = try restore([
                "--method", method, "--ms", "ms.npy", "--pan", "pan.npy", "--scale", "2048", "-o", "\(method).npy",
                "--json",
            ])
            #expect(result.status == 0, "\(result.errors)")
            #expect(try Npy.read(contentsOf: path("\(method).npy")).shape == [128, 144, 4])
            let quality = (try result.json() as? [String: Any])?["quality"] as? [String: Any]
            #expect(Set(quality?.keys.map { $0 } ?? []) == ["D_lambda_K", "D_rho", "D_S", "D_S_R"])
        }
    }

    @Test(arguments: [
        (["--ms", "ms.npy", "--pan", "short.npy"], "a ratio of 4 by 3.75"),
        (["--ms", "ms.npy", "--pan", "short.npy"], "ms.npy and short.npy: the panchromatic picture has 144x120"),
        (["--ms", "ms.npy", "--pan", "eight.npy"], "a ratio of 8 by 8; 2 or 4"),
        (["--ms", "small.npy", "--pan", "smallpan.npy"], "at least 32x32"),
        (["--ms", "flat.npy", "--pan", "pan.npy"], "band 2 of the multispectral picture is constant"),
        (["--ms", "nothing.npy", "--pan", "pan.npy"], "no pixel is known"),
        (["--ms", "ms.npy", "--pan", "pan.npy", "--sensor", "WV3"], "8 gains"),
        (["--ms", "ms.npy", "--pan", "pan.npy", "--sensor", "gains=0.2,0.3,0.3"], "3 gains and the multispectral"),
        (["--ms", "pan.npy", "--pan", "pan.npy"], "three or more"),
        (["--ms", "ms.npy", "--pan", "ms.npy"], "4 bands; one is expected"),
        (["--ms", "ms.npy", "--pan", "pan.npy", "--reference", "ms.npy"], "ms.npy: the reference has 36x32x4"),
        (["--ms", "a.mat", "--pan", "pan.npy"], "a.mat: "), (["--ms", "none.tif", "--pan", "pan.npy"], "none.tif"),
        (["--ms", "k.npy.tif", "--pan", "pan.npy"], "k.npy.tif"),
    ])
    func wrongScenesAreNamed(_ arguments: [String], _ word: String) throws {
        try Npy.write(Random.uniform(0..<1, [256, 288], key: RandomKey(4)), to: path("eight.npy"))
        try Npy.write(Random.uniform(0..<1, [16, 20, 4], key: RandomKey(5)), to: path("small.npy"))
        try Npy.write(Random.uniform(0..<1, [64, 80], key: RandomKey(6)), to: path("smallpan.npy"))
        let flat = concatenated(
            [
                Random.uniform(0..<1, [32, 36, 1], key: RandomKey(7)), Tensor.ones([32, 36, 1]),
                Random.uniform(0..<1, [32, 36, 1], key: RandomKey(8)),
            ], axis: 2)
        try Npy.write(flat, to: path("flat.npy"))
        try Npy.write(Tensor.full([32, 36, 4], .nan), to: path("nothing.npy"))
        try Data("MATLAB 5.0".utf8).write(to: URL(fileURLWithPath: path("a.mat")))
        try Data("II*".utf8).write(to: URL(fileURLWithPath: path("k.npy.tif")))
        let result = try restore(arguments + ["--method", "gsa", "--scale", "2048", "-o", "o.npy"])
        #expect(result.status == 1, "\(arguments)")
        #expect(result.errors.contains(word), "\(arguments): \(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: path("o.npy")))
    }

    @Test func reflectancesNeedAScale() throws {
        let result = try restore(["--method", "exp", "--ms", "ms.npy", "--pan", "pan.npy", "-o", "o.npy"])
        #expect(result.status == 1 && result.errors.contains("--scale") && result.errors.contains("ms.npy"))
    }

    @Test func weightsOfOtherNetworksAreNamed() throws {
        try saveTensors(["x": Tensor.zeros([2])], to: path("no.safetensors"))
        let result = try restore([
            "--method", "lambda-pnn", "--ms", "ms.npy", "--pan", "pan.npy", "--scale", "2048", "-o", "o.npy",
            "--weights", "no.safetensors", "--epochs", "1",
        ])
        #expect(result.status == 1 && result.errors.contains("no.safetensors: these weights don't fit"))
    }

    @Test func pixelsThatAreMissingStayMissing() throws {
        var numbers = (Random.uniform(0..<1, [32 * 36 * 4], key: RandomKey(2)) * 2000.0).toArray(Float.self)
        numbers[4 * (5 * 36 + 7) + 1] = .nan
        try Npy.write(Tensor(numbers, [32, 36, 4]), to: path("holes.npy"))
        for method in [["exp"], ["lambda-pnn", "--epochs", "1", "--patches", "1", "--coregister", "off"]] {
            let result = try restore(
                ["--ms", "holes.npy", "--pan", "pan.npy", "--scale", "2048", "-o", "o.npy", "--overwrite", "--method"]
                    + method)
            #expect(result.status == 0, "\(result.errors)")
            let fused = try Npy.read(contentsOf: path("o.npy"))
            let isMissing = .!isFinite(fused)
            #expect(isMissing.asType(.float32).sum().doubleValue == 4 * 4 * 4)
            #expect(fused[21, 30, 0].doubleValue.isNaN)
        }
    }

    @Test func scenesTrainByEitherRecipeAndWrongOnesAreNamed() throws {
        try FileManager.default.createDirectory(atPath: path("scenes"), withIntermediateDirectories: true)
        for name in ["ms", "pan"] {
            try FileManager.default.copyItem(atPath: path("\(name).npy"), toPath: path("scenes/a_\(name).npy"))
        }
        func train(_ arguments: String...) throws -> Command.Result {
            try Command.run(
                Command.executable,
                ["train", "lambda-pnn", "--data", "scenes", "-o", "w.safetensors", "--steps", "2"] + arguments,
                in: folder.url)
        }
        for recipe in [["small"], ["paper", "--crop", "128", "--batch", "1"]] {
            let result = try Command.run(
                Command.executable,
                ["train", "lambda-pnn", "--data", "scenes", "-o", "w.safetensors", "--steps", "2", "--recipe"] + recipe,
                in: folder.url)
            #expect(result.status == 0, "\(result.errors)")
            let used = try restore([
                "--method", "lambda-pnn", "--ms", "ms.npy", "--pan", "pan.npy", "--scale", "2048", "-o", "o.npy",
                "--weights", "w.safetensors", "--epochs", "0", "--overwrite",
            ])
            #expect(used.status == 0, "\(used.errors)")
        }
        #expect(try train("--recipe", "mine").status == 64)
        let small = try train("--recipe", "paper", "--crop", "64")
        #expect(small.status == 64 && small.errors.contains("from 128 up"))
        let gains = try train("--sensor", "WV3")
        #expect(gains.status == 1 && gains.errors.contains("8 gains"), "\(gains.errors)")
        try FileManager.default.copyItem(atPath: path("short.npy"), toPath: path("scenes/b_pan.npy"))
        try FileManager.default.copyItem(atPath: path("ms.npy"), toPath: path("scenes/b_ms.npy"))
        let wrong = try train()
        #expect(wrong.status == 1 && wrong.errors.contains("b_ms.npy and scenes/b_pan.npy"), "\(wrong.errors)")
        try FileManager.default.removeItem(atPath: path("scenes"))
        let empty = try train()
        #expect(empty.status == 1 && empty.errors.contains("scenes: no pair"), "\(empty.errors)")
    }

    // MARK: GeoTIFF

    /// A GeoTIFF of 16 bits, little-endian, with a pixel scale, a tie point, a coordinate system and a no-data value.
    private func geoTIFF(_ samples: Tensor, pixel: Double, system: Int, missing: String) -> Data {
        func words(_ values: [Int], _ size: Int) -> [UInt8] {
            values.flatMap { value in (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        }
        func doubles(_ values: [Double]) -> [UInt8] { words(values.map { Int(bitPattern: UInt($0.bitPattern)) }, 8) }
        let (height, width, bands) = (samples.shape[0], samples.shape[1], samples.shape[2])
        let pixels = words(samples.toArray(Float.self).map { Int($0) }, 2)
        let keys = [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, system]
        let entries: [(tag: Int, type: Int, count: Int, bytes: [UInt8])] =
            [
                (256, 4, 1, words([width], 4)), (257, 4, 1, words([height], 4)),
                (258, 3, bands, words([Int](repeating: 16, count: bands), 2)), (259, 3, 1, words([1], 2)),
                (262, 3, 1, words([1], 2)), (273, 4, 1, words([8], 4)), (277, 3, 1, words([bands], 2)),
                (278, 4, 1, words([height], 4)), (279, 4, 1, words([pixels.count], 4)), (284, 3, 1, words([1], 2)),
            ] + (bands > 1 ? [(338, 3, bands - 1, words([Int](repeating: 0, count: bands - 1), 2))] : []) + [
                (33550, 12, 3, doubles([pixel, pixel, 0])), (33922, 12, 6, doubles([0, 0, 0, 500_000, 4_600_000, 0])),
                (34735, 3, keys.count, words(keys, 2)), (42113, 2, missing.utf8.count + 1, Array(missing.utf8) + [0]),
            ]
        var (table, rest) = (words([entries.count], 2), [UInt8]())
        let after = 8 + pixels.count + 2 + 12 * entries.count + 4
        for entry in entries {
            table += words([entry.tag, entry.type], 2) + words([entry.count], 4)
            if entry.bytes.count <= 4 {
                table += entry.bytes + [UInt8](repeating: 0, count: 4 - entry.bytes.count)
            } else {
                table += words([after + rest.count], 4)
                rest += entry.bytes + (entry.bytes.count % 2 == 1 ? [0] : [])
            }
        }
        return Data([0x49, 0x49, 42, 0] + words([8 + pixels.count], 4) + pixels + table + words([0], 4) + rest)
    }

    @Test func geoTIFFsKeepTheirPlaceAndTheirMissingPixels() throws {
        let ms = (Random.uniform(0.1..<1, [32, 36, 4], key: RandomKey(2)) * 2000.0).floor()
        let flat = (Random.uniform(0.1..<1, [128, 144, 1], key: RandomKey(3)) * 2000.0).floor()
        var numbers = flat.toArray(Float.self)
        numbers[144 * 9 + 11] = 7
        let pan = Tensor(
            numbers.enumerated().map { $0.element == 7 && $0.offset != 144 * 9 + 11 ? 8 : $0.element },
            [128, 144, 1])
        try geoTIFF(ms, pixel: 10, system: 32_633, missing: "0").write(to: URL(fileURLWithPath: path("ms.tif")))
        try geoTIFF(pan, pixel: 2.5, system: 32_633, missing: "7").write(to: URL(fileURLWithPath: path("pan.tif")))
        try geoTIFF(pan, pixel: 2.5, system: 32_634, missing: "7").write(to: URL(fileURLWithPath: path("other.tif")))
        let result = try restore(["--method", "gsa", "--ms", "ms.tif", "--pan", "pan.tif", "-o", "fused.tif"])
        #expect(result.status == 0 && !result.errors.contains("coordinate"), "\(result.errors)")
        let fused = try Bitmap(contentsOf: path("fused.tif"))
        #expect(fused.width == 144 && fused.height == 128 && fused.channels == 4 && fused.depth == 16)
        #expect((0..<4).allSatisfy { fused.pixels[9, 11, $0].doubleValue == 7 })
        #expect(fused.pixels[9, 12, 0].doubleValue != 7)
        // The panchromatic picture's tags, which differ from the other one's in the pixel's size.
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path("fused.tif")))
        func holds(_ value: Double) -> Bool {
            bytes.range(of: withUnsafeBytes(of: value.bitPattern.littleEndian) { Data($0) }) != nil
        }
        #expect(holds(2.5) && holds(4_600_000) && !holds(10))
        let warned = try restore(["--method", "exp", "--ms", "ms.tif", "--pan", "other.tif", "-o", "o.tif"])
        #expect(warned.status == 0 && warned.errors.contains("coordinate systems differ"), "\(warned.errors)")
        let png = try restore(["--method", "exp", "--ms", "ms.tif", "--pan", "pan.tif", "-o", "fused.tif"])
        #expect(png.status == 1 && png.errors.contains("--overwrite"))
    }
}
