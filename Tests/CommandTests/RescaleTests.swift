import Foundation
import Mercer
import MercerImageIO
import Testing

/// `mercer resize --method irn|dlv-irn|iarn` and `mercer train`, with weights of a training of two steps.
@Suite struct RescaleTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try picture(61, 43, 3).write(to: path("a.png"))
        try picture(40, 40, 3).write(to: path("b.jpg"))
        try picture(30, 22, 1).write(to: path("grey.png"))
        try picture(30, 22, 4).write(to: path("clear.png"))
    }

    private func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

    private func picture(_ width: Int, _ height: Int, _ channels: Int) -> Bitmap {
        let coarse = Random.uniform(0..<255, [3, 3, channels], key: RandomKey(1))
        let smooth = Resample.resize(coarse, to: (height, width), .bicubic)
        return Bitmap(pixels: clip(smooth, min: 0, max: 255).asType(.uint8))
    }

    private func run(_ arguments: [String]) throws -> Command.Result {
        try Command.run(Command.executable, arguments, in: folder.url)
    }

    private func resize(_ arguments: String...) throws -> Command.Result { try run(["resize"] + arguments) }

    /// Weights of a short training, made when they are first needed.
    private func weights(_ method: String, _ extra: [String] = []) throws -> String {
        try FileManager.default.createDirectory(atPath: path("data"), withIntermediateDirectories: true)
        try picture(96, 96, 3).write(to: path("data/x.png"))
        let name = ([method] + extra).joined() + ".safetensors"
        let result = try run(
            ["train", method, "--data", "data", "-o", name, "--steps", "2", "--batch", "1", "--patch", "24"] + extra)
        #expect(result.status == 0, "\(result.errors)")
        return name
    }

    @Test func picturesGoDownAndComeBackInTheirOwnSize() throws {
        let weights = try weights("irn", ["--growth", "4", "--blocks", "1"])
        for name in ["a.png", "grey.png", "clear.png"] {
            let down = try resize(
                name, "-o", "small-\(name)", "--method", "irn", "--scale", "2", "--down", "--weights", weights)
            #expect(down.status == 0, "\(down.errors)")
            let up = try resize(
                "small-\(name)", "-o", "back-\(name)", "--method", "irn", "--scale", "2", "--up", "--weights", weights)
            #expect(up.status == 0, "\(up.errors)")
            let (before, small, after) = (
                try Bitmap(contentsOf: path(name)), try Bitmap(contentsOf: path("small-\(name)")),
                try Bitmap(contentsOf: path("back-\(name)"))
            )
            #expect(small.width == (before.width + 1) / 2 && small.height == (before.height + 1) / 2)
            #expect(after.pixels.shape == before.pixels.shape)
            let difference: Tensor = after.pixels.asType(.float32) - before.pixels.asType(.float32)
            #expect(difference.abs().mean().doubleValue < 8)
        }
        // A stop in between goes on.
        let again = try resize(
            "a.png", "-o", "small-a.png", "--method", "irn", "--scale", "2", "--down", "--weights", weights)
        #expect(again.status == 0 && again.output.contains("already"))
    }

    @Test func roundTripsReportHowWellPicturesComeBack() throws {
        let weights = try weights("irn", ["--growth", "4", "--blocks", "1"])
        let result = try resize(
            "a.png", "-o", "out", "--method", "irn", "--scale", "2", "--roundtrip", "--json", "--weights", weights)
        let json = try #require(try result.json() as? [[String: Any]])
        #expect((json[0]["psnr"] as? Double ?? 0) > 25)
        #expect((json[0]["smallPSNR"] as? Double ?? 0) > 25)
        #expect(try Bitmap(contentsOf: path("out/a-restored.png")).width == 61)
    }

    @Test func variantsDifferAndSamplesToo() throws {
        let weights = try weights("dlv-irn", ["--growth", "4", "--blocks", "1"])
        #expect(
            try resize(
                "a.png", "-o", "v.png", "--method", "dlv-irn", "--scale", "2", "--down", "--variants", "2",
                "--spread", "20", "--weights", weights
            ).status == 0)
        let first = try Bitmap(contentsOf: path("v-1.png")).pixels.toArray(UInt8.self)
        #expect(first != (try Bitmap(contentsOf: path("v-2.png"))).pixels.toArray(UInt8.self))
        let result = try resize(
            "v-1.png", "-o", "s.png", "--method", "dlv-irn", "--scale", "2", "--up", "--samples", "2",
            "--temperature", "1", "--weights", weights)
        #expect(result.status == 0, "\(result.errors)")
        let sample = try Bitmap(contentsOf: path("s-1.png")).pixels.toArray(UInt8.self)
        #expect(sample != (try Bitmap(contentsOf: path("s-2.png"))).pixels.toArray(UInt8.self))
    }

    @Test func weightsSayHowFarVariantsSpread() throws {
        let weights = try weights("dlv-irn", ["--growth", "4", "--blocks", "1"])
        let text = try #require(try Safetensors(contentsOf: path(weights)).metadata["spread"])
        let spread = try #require(Double(text))
        #expect((1...64).contains(spread))
        func variant(_ name: String, _ options: String...) throws -> [UInt8] {
            let made = try run(
                ["resize", "a.png", "-o", "\(name).png", "--method", "dlv-irn", "--scale", "2", "--down"]
                    + ["--variants", "1", "--weights", weights] + options)
            #expect(made.status == 0, "\(made.errors)")
            return try Bitmap(contentsOf: path("\(name)-1.png")).pixels.toArray(UInt8.self)
        }
        let standard = try variant("d")
        #expect(try standard == variant("e", "--spread", text))
        #expect(try standard != variant("f", "--spread", "0"))
    }

    @Test func anySizeGoesDownAndComesBack() throws {
        let weights = try weights("iarn", ["--growth", "4", "--blocks", "1", "--scales", "1.5-3"])
        func iarn(_ arguments: String...) throws -> Command.Result {
            try run(["resize"] + arguments + ["--method", "iarn", "--weights", weights])
        }
        for (option, value, size) in [
            ("--size", "30x", [30, 21]), ("--size", "33x20", [33, 20]), ("--scale", "0.41", [25, 18]),
        ] {
            #expect(try iarn("a.png", "-o", "s.png", option, value, "--down", "--overwrite").status == 0)
            let small = try Bitmap(contentsOf: path("s.png"))
            #expect([small.width, small.height] == size)
            #expect(try iarn("s.png", "-o", "b.png", "--up", "--overwrite").status == 0)
            #expect(try Bitmap(contentsOf: path("b.png")).pixels.shape == [43, 61, 3])
        }
        let larger = try iarn("a.png", "-o", "x.png", "--size", "100x80", "--down")
        #expect(larger.status == 1 && larger.errors.contains("larger"))
        let beyond = try iarn("a.png", "-o", "x.png", "--scale", "0.1", "--down")
        #expect(beyond.status == 0 && beyond.errors.contains("beyond"))
        let contradicted = try iarn("s.png", "-o", "c.png", "--up", "--size", "50x50")
        #expect(contradicted.status == 1 && contradicted.errors.contains("61x43"))
        #expect(try iarn("s.png", "-o", "c.png", "--up", "--size", "50x50", "--ignore-stored-size").status == 0)
        try Bitmap(contentsOf: path("s.png")).write(to: path("plain.webp"))
        try Bitmap(contentsOf: path("s.png")).write(to: path("plain.jpg"))
        let lossy = try iarn("plain.jpg", "-o", "j.png", "--up", "--size", "61x43")
        #expect(lossy.status == 0 && lossy.errors.contains("lost levels"), "\(lossy.errors)")
        let unknown = try iarn("plain.webp", "-o", "d.png", "--up")
        #expect(unknown.status == 1 && unknown.errors.contains("--size"))
    }

    @Test func lossyFilesAreRefusedOnTheWayDownAndWarnedOfOnTheWayUp() throws {
        let weights = try weights("irn", ["--growth", "4", "--blocks", "1"])
        func irn(_ arguments: String...) throws -> Command.Result {
            try run(["resize"] + arguments + ["--method", "irn", "--scale", "2", "--weights", weights])
        }
        let refused = try irn("a.png", "-o", "s.jpg", "--down")
        #expect(refused.status == 1 && refused.errors.contains("--allow-lossy"))
        #expect(!FileManager.default.fileExists(atPath: path("s.jpg")))
        #expect(try irn("a.png", "-o", "s.jpg", "--down", "--allow-lossy").status == 0)
        let warned = try irn("s.jpg", "-o", "u.png", "--up")
        #expect(warned.status == 0 && warned.errors.contains("lost levels") && warned.errors.contains("multiple"))
        #expect(try Bitmap(contentsOf: path("u.png")).width == 62)
    }

    @Test func weightsOfAnotherNetworkAreNamed() throws {
        let plain = try weights("irn", ["--growth", "4", "--blocks", "1"])
        let dual = try weights("dlv-irn", ["--growth", "4", "--blocks", "1"])
        func message(_ method: String, _ scale: String, _ weights: String) throws -> String {
            let size = method == "iarn" ? ["--scale", "0.5"] : ["--scale", scale]
            let result = try run(
                ["resize", "a.png", "-o", "x.png", "--method", method, "--down", "--weights", weights] + size)
            #expect(result.status == 1)
            return result.errors
        }
        #expect(try message("irn", "4", plain).contains("scale 2"))
        #expect(try message("irn", "2", dual).contains("3 latent channels"))
        #expect(try message("dlv-irn", "2", plain).contains("without latent"))
        #expect(try message("iarn", "", plain).contains("iarn"))
        try saveTensors(["a": Tensor(Float(1))], to: path("other.safetensors"))
        #expect(try message("irn", "2", "other.safetensors").contains("operations.{i}"))
    }

    @Test(arguments: [
        (["--method", "irn", "--scale", "2"], "which way"),
        (["--method", "irn", "--down"], "by which scale"),
        (["--method", "irn", "--scale", "5", "--down"], "powers of two"),
        (["--method", "irn", "--scale", "6", "--up"], "powers of two"),
        (["--method", "irn", "--scale", "2", "--down", "--up"], "which way"),
        (["--method", "irn", "--size", "20x20", "--down"], "iarn"),
        (["--method", "irn", "--scale", "2", "--up", "--samples", "3"], "--temperature"),
        (["--method", "irn", "--scale", "2", "--down", "--variants", "3"], "dlv-irn"),
        (["--method", "iarn", "--down"], "how large"),
        (["--method", "iarn", "--down", "--size", "0x5"], "between 1"),
        (["--method", "iarn", "--down", "--size", "-3x5"], "--size"),
        (["--method", "iarn", "--down", "--size", "x"], "isn't WxH"),
        (["--method", "iarn", "--down", "--scale", "0"], "greater than 0"),
        (["--method", "iarn", "--down", "--scale", "2"], "at most 1"),
        (["--method", "lanczos", "--fit", "20", "--down"], "irn"),
    ])
    func wrongUsageIsExplained(_ arguments: [String], _ word: String) throws {
        let result = try run(["resize", "a.png", "-o", "x.png"] + arguments)
        #expect(result.status == 64, "\(arguments)")
        #expect(result.errors.contains(word), "\(arguments): \(result.errors)")
    }

    @Test(arguments: [
        (["irn", "--scale", "6"], "powers of two"), (["irn", "--scale", "4", "--blocks", "3"], "2 positive"),
        (["irn", "--blocks", "0"], "1 to 64"), (["irn", "--growth", "0"], "growth"),
        (["dlv-irn", "--latent", "0"], "latent"), (["dlv-irn", "--warm-up", "2"], "warm-up"),
        (["iarn", "--scales", "4-1"], "range"), (["iarn", "--encoding", "half"], "ratios"),
        (["iarn", "--haar-levels", "3"], "0, 1 or 2"), (["irn", "--steps", "0"], "--steps"),
    ])
    func wrongTrainingIsExplained(_ arguments: [String], _ word: String) throws {
        let result = try run(["train"] + arguments + ["-o", "w.safetensors"])
        #expect(result.status == 64, "\(arguments)")
        #expect(result.errors.contains(word), "\(arguments): \(result.errors)")
    }
}
