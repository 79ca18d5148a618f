import Foundation
import Mercer
import MercerImageIO
import Testing

@Suite struct ResizeTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try picture(60, 40).write(to: path("a.png"))
        try picture(50, 30).write(to: path("b.jpg"))
    }

    private func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

    private func picture(_ width: Int, _ height: Int) -> Bitmap {
        Bitmap(pixels: Random.randInt(0..<256, [height, width, 3], key: RandomKey(1)).asType(.uint8))
    }

    private func resize(_ arguments: String...) throws -> Command.Result {
        try Command.run(Command.executable, ["resize"] + arguments, in: folder.url)
    }

    @Test func filesFoldersAndPatternsAreResized() throws {
        try FileManager.default.createDirectory(atPath: path("in/deep"), withIntermediateDirectories: true)
        for name in ["in/c.png", "in/deep/d.webp"] { try picture(40, 40).write(to: path(name)) }
        #expect(try resize("a.png", "-o", "small.png", "--size", "30x20").status == 0)
        #expect(try Bitmap(contentsOf: path("small.png")).width == 30)
        #expect(try resize("in", "*.jpg", "a.png", "-o", "out", "--scale", "0.5").status == 0)
        #expect(try Bitmap(contentsOf: path("out/deep/d.webp")).height == 20)
        #expect(try Bitmap(contentsOf: path("out/b.jpg")).width == 25)
        #expect(try Bitmap(contentsOf: path("out/a.png")).format == .png)
    }

    @Test func finishedFilesAreSkippedUnlessOverwritten() throws {
        _ = try resize("a.png", "b.jpg", "-o", "out", "--fit", "20")
        func counts(_ arguments: String...) throws -> [Int?] {
            let result = try Command.run(
                Command.executable,
                ["resize", "a.png", "b.jpg", "-o", "out", "--fit", "20", "--json"] + arguments,
                in: folder.url)
            let json = try result.json() as? [String: Any]
            return ["done", "skipped", "failed"].map { json?[$0] as? Int }
        }
        #expect(try counts() == [0, 2, 0])
        #expect(try counts("--overwrite") == [2, 0, 0])
    }

    @Test func aBadFileIsReportedAndTheOthersAreDone() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: path("a.png")))
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: path("cut.png")))
        let result = try resize("a.png", "cut.png", "missing.png", "-o", "out", "--fit", "20")
        #expect(result.status == 3)
        #expect(result.errors.contains("cut.png") && result.errors.contains("missing.png"))
        #expect(FileManager.default.fileExists(atPath: path("out/a.png")))
        #expect(!FileManager.default.fileExists(atPath: path("out/cut.png")))
        #expect(try FileManager.default.contentsOfDirectory(atPath: path("out")).count == 1)
    }

    @Test func aPictureIsNotReplacedByItsResult() throws {
        let result = try resize("a.png", "-o", "a.png", "--fit", "20")
        #expect(result.status == 3 && result.errors.contains("--overwrite"))
        #expect(try Bitmap(contentsOf: path("a.png")).width == 60)
        #expect(try resize("a.png", "-o", "a.png", "--fit", "20", "--overwrite").status == 0)
        #expect(try Bitmap(contentsOf: path("a.png")).width == 20)
    }

    @Test(arguments: [
        (["--size", "30x20", "--scale", "0.5"], "exclude"), (["--size", "0x5"], "between 1"),
        (["--size", "-3x5"], "--size"), (["--size", "70000x5"], "65500"),
        (["--scale", "0"], "greater than 0"),
        (["--fit", "20", "--method", "bogus"], "lanczos5"),
        (["--fit", "20", "--method", "hamming", "--convention", "torch"], "nearest-exact"),
        (["--fit", "20", "--convention", "gimp", "--method", "box"], "matlab"),
        (["--fit", "20", "--weights", "1,2,3"], "3 numbers"), (["--fit", "20", "--weights", "1,nan"], "nan"),
        (["--fit", "20", "--kernel", "4"], "odd"), (["--fit", "20", "--kernel", "1"], "odd"),
        (["--fit", "20", "--sigma", "0"], "greater than 0"),
        (["--fit", "20", "--layers", "0"], "at least 1"),
        (["--fit", "20", "--layers", "3"], "2 layers"), (["--fit", "20", "--border", "wrap"], "replicate"),
        (["--fit", "20", "--antialias", "maybe"], "auto"), (["--fit", "20", "--format", "bmp"], "webp"),
        (["--fit", "20", "--quality", "0"], "quality"), (["--fit", "20", "--jobs", "0"], "jobs"),
        ([], "how large"),
    ])
    func wrongUsageIsExplained(_ arguments: [String], _ word: String) throws {
        let result = try Command.run(
            Command.executable, ["resize", "a.png", "-o", "out.png"] + arguments, in: folder.url)
        #expect(result.status == 64, "\(arguments)")
        #expect(result.errors.contains(word), "\(arguments): \(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: path("out.png")))
    }

    @Test func wrongWeightsFilesAreNamedWithTheirTensors() throws {
        try saveTensors(["alpha": Tensor(Float(1))], to: path("w.safetensors"))
        let result = try resize("a.png", "-o", "out.png", "--fit", "20", "--weights", "w.safetensors")
        #expect(result.status == 1)
        #expect(result.errors.contains("alpha") && result.errors.contains("weight_1"))
    }

    @Test func lanczosIsShortForLanczos3() throws {
        #expect(try resize("a.png", "-o", "x.png", "--fit", "20", "--method", "lanczos").status == 0)
        #expect(try resize("a.png", "-o", "y.png", "--fit", "20", "--method", "lanczos3").status == 0)
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: path("x.png")))
                == Data(contentsOf: URL(fileURLWithPath: path("y.png"))))
    }

    @Test func sheetsAndExplanationsAreMade() throws {
        #expect(
            try resize("a.png", "-o", "s.html", "--fit", "40", "--compare", "muller,bilinear,lanczos").status
                == 0)
        let page = try String(contentsOfFile: path("s.html"), encoding: .utf8)
        #expect(page.contains("data:image/png") && page.contains("lanczos"))
        #expect(try resize("a.png", "-o", "s.png", "--fit", "40", "--compare", "muller,nearest").status == 0)
        #expect(try Bitmap(contentsOf: path("s.png")).width > 80)
        let result = try resize("a.png", "-o", "why", "--fit", "20", "--explain")
        #expect(result.status == 0 && result.output.contains("parameters"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: path("why")).count == 3)
    }

    @Test func weightsAreLearntAndUsed() throws {
        for (name, top) in [("dark", 80), ("bright", 256)] {
            try FileManager.default.createDirectory(
                atPath: path("data/\(name)"), withIntermediateDirectories: true)
            for i in 0..<6 {
                let pixels = Random.randInt((top - 80)..<top, [40, 40, 3], key: RandomKey(UInt64(i)))
                try Bitmap(pixels: pixels.asType(.uint8)).write(to: path("data/\(name)/\(i).png"))
            }
        }
        let fit = ["--fit-weights", "data", "-o", "w.safetensors", "--size", "8x8", "--epochs", "1"]
        let result = try Command.run(
            Command.executable, ["resize"] + fit + ["--model", "net.safetensors", "--json"], in: folder.url)
        #expect(result.status == 0, "\(result.errors)")
        #expect(
            try Safetensors(contentsOf: path("w.safetensors")).names.sorted()
                == ["bias_1", "bias_2", "weight_1", "weight_2"].sorted())
        #expect(FileManager.default.fileExists(atPath: path("net.safetensors")))
        #expect(try resize("a.png", "-o", "x.png", "--fit", "20", "--weights", "w.safetensors").status == 0)
        #expect(try resize("--fit-weights", "data", "-o", "w.png", "--size", "8x8").status == 64)
        #expect(try resize("--fit-weights", "data", "-o", "v.safetensors", "--fit", "8").status == 64)
        #expect(try resize("--fit-weights", "nothing", "-o", "v.safetensors", "--size", "8x8").status == 1)
    }

    @Test func streamsWork() throws {
        let script = "'\(Command.executable.path)' resize - -o - --size 12x9 --format webp < a.png > s.webp"
        let result = try Command.run(URL(fileURLWithPath: "/bin/sh"), ["-c", script], in: folder.url)
        #expect(result.status == 0)
        let read = try Bitmap(contentsOf: path("s.webp"))
        #expect(read.format == .webp && read.width == 12 && read.height == 9)
    }
}
