import Foundation
import Mercer
import MercerImageIO
import Testing

@Suite struct SuperResolutionCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try picture(40, 30).write(to: path("a.png"))
    }

    private func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

    private func picture(_ width: Int, _ height: Int, channels: Int = 3) -> Bitmap {
        Bitmap(pixels: Random.randInt(0..<256, [height, width, channels], key: RandomKey(1)).asType(.uint8))
    }

    private func mercer(_ arguments: String..., environment: [String: String] = [:]) throws -> Command.Result {
        try Command.run(Command.executable, arguments, environment: environment, in: folder.url)
    }

    private func shell(_ script: String) throws -> Command.Result {
        try Command.run(
            URL(fileURLWithPath: "/bin/sh"), ["-c", script], environment: ["MERCER": Command.executable.path],
            in: folder.url)
    }

    /// A stream of grey frames with colour.
    private func stream(_ kind: String, width: Int = 32, height: Int = 20, frames: Int = 3) -> Data {
        var data = Data("YUV4MPEG2 W\(width) H\(height) F25:1 Ip A1:1 C\(kind)\n".utf8)
        let size = width * height + 2 * ((width + 1) / 2) * ((height + 1) / 2)
        for frame in 0..<frames {
            data += Data("FRAME\n".utf8) + Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 3 &+ frame) })
        }
        return data
    }

    @Test(arguments: [2, 3, 4])
    func picturesAreEnlargedByTheWeightsThatComeWithMercer(_ scale: Int) throws {
        let result = try mercer("resize", "a.png", "-o", "b.png", "--method", "espcn", "--scale", "\(scale)")
        #expect(result.status == 0, "\(result.errors)")
        let large = try Bitmap(contentsOf: path("b.png"))
        #expect(large.width == 40 * scale && large.height == 30 * scale)
    }

    @Test func opacityAnd16BitsAreKept() throws {
        try picture(20, 10, channels: 4).write(to: path("alpha.png"))
        let deep = Random.randInt(0..<65_536, [10, 20, 3], key: RandomKey(2)).asType(.uint16)
        try Bitmap(pixels: deep).write(to: path("deep.png"))
        try Bitmap(pixels: Tensor.full([1, 1, 3], 90, .uint8)).write(to: path("one.png"))
        let result = try mercer(
            "resize", "alpha.png", "deep.png", "one.png", "-o", "out", "--method", "espcn", "--scale", "3")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try Bitmap(contentsOf: path("out/alpha.png")).channels == 4)
        #expect(try Bitmap(contentsOf: path("out/deep.png")).depth == 16)
        #expect(try Bitmap(contentsOf: path("out/one.png")).width == 3)
    }

    @Test func wrongScalesAndWeightsSayWhatThereIs() throws {
        let missing = try mercer("resize", "a.png", "-o", "b.png", "--method", "espcn", "--scale", "5")
        #expect(missing.status == 1 && missing.errors.contains("2, 3, 4") && missing.errors.contains("mercer train"))
        for size in [["--scale", "1.5"], ["--fit", "99"], ["--size", "80x60"]] {
            let result = try Command.run(
                Command.executable, ["resize", "a.png", "-o", "b.png", "--method", "espcn"] + size, in: folder.url)
            #expect(result.status == 64 && result.errors.contains("whole factors"))
        }
        try FileManager.default.createDirectory(atPath: path("data"), withIntermediateDirectories: true)
        try picture(80, 60).write(to: path("data/p.png"))
        let trained = try mercer(
            "train", "espcn", "--data", "data", "--scale", "2", "--steps", "2", "-o", "w.safetensors", "--channels", "3"
        )
        #expect(trained.status == 0, "\(trained.errors)")
        let other = try mercer(
            "resize", "a.png", "-o", "b.png", "--method", "espcn", "--scale", "3", "--weights", "w.safetensors")
        #expect(other.status == 1 && other.errors.contains("scale of 2, but 3"))
        let fits = try mercer(
            "resize", "a.png", "-o", "b.png", "--method", "espcn", "--scale", "2", "--weights", "w.safetensors")
        #expect(fits.status == 0, "\(fits.errors)")
        try stream("420jpeg").write(to: URL(fileURLWithPath: path("c.y4m")))
        let colour = try mercer(
            "resize", "c.y4m", "-o", "d.y4m", "--method", "espcn", "--scale", "2", "--weights", "w.safetensors")
        #expect(colour.status == 1 && colour.errors.contains("video needs 1"))
        try saveTensors(["x": Tensor.zeros([2])], to: path("no.safetensors"))
        let no = try mercer(
            "resize", "a.png", "-o", "b.png", "--method", "espcn", "--scale", "2", "--weights", "no.safetensors")
        #expect(no.status == 1 && no.errors.contains("conv1.weight"))
    }

    @Test func aFolderWithoutAPatchIsAnError() throws {
        let result = try mercer("train", "espcn", "--data", ".", "--scale", "4", "-o", "w.safetensors")
        #expect(result.status == 1 && result.errors.contains("68x68"))
    }

    @Test func streamsOfFilesAndPipesAreEnlarged() throws {
        try stream("420jpeg").write(to: URL(fileURLWithPath: path("c.y4m")))
        let result = try mercer("resize", "c.y4m", "-o", "d.y4m", "--method", "espcn", "--scale", "2")
        #expect(result.status == 0 && result.output.contains("3 frames"), "\(result.errors)")
        let made = try Data(contentsOf: URL(fileURLWithPath: path("d.y4m")))
        #expect(made.starts(with: Data("YUV4MPEG2 W64 H40 F25:1 Ip A1:1 C420jpeg\n".utf8)))
        #expect(made.count == 41 + 3 * (6 + 64 * 40 * 3 / 2))
        let piped = try shell("\"$MERCER\" resize - -o - --method espcn --scale 2 < c.y4m > e.y4m")
        #expect(piped.status == 0 && piped.errors.contains("frames a second"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path("e.y4m"))) == made)
        // The standard input may be a picture as well.
        let image = try shell("\"$MERCER\" resize - -o f.png --method espcn --scale 2 < a.png")
        #expect(image.status == 0, "\(image.errors)")
        #expect(try Bitmap(contentsOf: path("f.png")).width == 80)
    }

    @Test func aStreamThatEndsEarlyKeepsItsWholeFramesAndFallsShort() throws {
        try stream("420jpeg").dropLast(100).write(to: URL(fileURLWithPath: path("c.y4m")))
        let result = try mercer("resize", "c.y4m", "-o", "d.y4m", "--method", "espcn", "--scale", "2", "--json")
        #expect(result.status == 3 && result.errors.contains("within frame 3"))
        #expect((try result.json() as? [String: Any])?["frames"] as? Int == 2)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path("d.y4m"))).count == 41 + 2 * (6 + 64 * 40 * 3 / 2))
    }

    @Test(arguments: [("420p10", "420p10"), ("411", "411"), ("444alpha", "444alpha")])
    func otherSamplesAreRefusedByName(_ kind: String, _ word: String) throws {
        try stream(kind).write(to: URL(fileURLWithPath: path("c.y4m")))
        let result = try mercer("resize", "c.y4m", "-o", "d.y4m", "--method", "espcn", "--scale", "2")
        #expect(result.status == 1 && result.errors.contains(word) && result.errors.contains("8-bit"))
        #expect(!FileManager.default.fileExists(atPath: path("d.y4m")))
    }

    @Test func videoNeedsTheNetworkAndStandsAlone() throws {
        try stream("420jpeg").write(to: URL(fileURLWithPath: path("c.y4m")))
        let other = try mercer("resize", "c.y4m", "-o", "d.y4m", "--scale", "2")
        #expect(other.status == 64 && other.errors.contains("--method espcn"))
        let two = try mercer("resize", "c.y4m", "a.png", "-o", "out", "--method", "espcn", "--scale", "2")
        #expect(two.status == 64 && two.errors.contains("alone"))
    }

    @Test func withoutFFmpegItsFilesAreAClearError() throws {
        try Data("x".utf8).write(to: URL(fileURLWithPath: path("c.mp4")))
        let result = try mercer(
            "resize", "c.mp4", "-o", "d.mp4", "--method", "espcn", "--scale", "2",
            environment: ["PATH": folder.url.path])
        #expect(result.status == 1 && result.errors.contains("'ffmpeg'") && result.errors.contains("install"))
    }

    /// A program in ffmpeg's place: it decodes by handing on a stream and encodes by keeping it.
    @Test func otherFilesGoThroughFFmpegWithTheirSound() throws {
        try stream("420jpeg").write(to: URL(fileURLWithPath: path("c.mp4")))
        let script = """
            #!/bin/sh
            for last; do :; done
            echo "$@" >> "\(path("calls"))"
            if [ "$last" = "-" ]; then cat "\(path("c.mp4"))"; else cat > "$last"; fi
            """
        try Data(script.utf8).write(to: URL(fileURLWithPath: path("ffmpeg")))
        #expect(chmod(path("ffmpeg"), 0o755) == 0)
        let environment = ["PATH": "\(folder.url.path):/usr/bin:/bin"]
        let result = try mercer(
            "resize", "c.mp4", "-o", "d.mp4", "--method", "espcn", "--scale", "2", environment: environment)
        #expect(result.status == 0 && result.output.contains("3 frames"), "\(result.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path("d.mp4"))).starts(with: Data("YUV4MPEG2 W64 H40".utf8)))
        let calls = try String(contentsOfFile: path("calls"), encoding: .utf8)
        #expect(calls.contains("-i c.mp4") && calls.contains("-map 1:a? -c:a copy"))
        // A program that fails leaves nothing and is quoted.
        try Data("#!/bin/sh\necho 'moov atom not found' >&2\nexit 1\n".utf8)
            .write(to: URL(fileURLWithPath: path("ffmpeg")))
        let failed = try mercer(
            "resize", "c.mp4", "-o", "e.mp4", "--method", "espcn", "--scale", "2", environment: environment)
        #expect(failed.status == 1 && failed.errors.contains("moov atom not found"), "\(failed.errors)")
        #expect(!FileManager.default.fileExists(atPath: path("e.mp4")))
    }

    // MARK: ADK-Net

    @Test func theDefaultCameraMakesPicturesSmaller() throws {
        let result = try mercer("resize", "a.png", "-o", "b.png", "--method", "adk")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try Bitmap(contentsOf: path("b.png")).width == 20)
        let asked = try mercer("resize", "a.png", "-o", "c.png", "--method", "adk", "--scale", "0.5")
        #expect(asked.status == 0, "\(asked.errors)")
        let third = try mercer("resize", "a.png", "-o", "d.png", "--method", "adk", "--scale", "0.3333333")
        #expect(third.status == 1 && third.errors.contains("mercer train adk --scale 3"), "\(third.errors)")
        let odd = try mercer("resize", "a.png", "-o", "d.png", "--method", "adk", "--scale", "0.7")
        #expect(odd.status == 64)
    }

    @Test func kernelsArePrintedAndDrawn() throws {
        let result = try mercer("resize", "a.png", "-o", "k.png", "--method", "adk", "--show-kernels", "5,6")
        #expect(result.status == 0 && result.output.contains("green, sum"), "\(result.errors)")
        #expect(try Bitmap(contentsOf: path("k.png")).width > 200)
        let outside = try mercer("resize", "a.png", "--method", "adk", "--show-kernels", "20,0")
        #expect(outside.status == 1 && outside.errors.contains("20x15"))
        let other = try mercer("resize", "a.png", "-o", "b.png", "--scale", "0.5", "--show-kernels", "1,1")
        #expect(other.status == 64)
    }

    @Test func pairsTrainAndWrongPairsAreNamed() throws {
        for name in ["large", "small"] {
            try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
        }
        let smooth = Resample.resize(picture(60, 60).pixels, to: (120, 120), .bicubic)
        try Bitmap(pixels: smooth).write(to: path("large/a.png"))
        let small = Resample.resize(smooth, to: (60, 60), .bicubic)
        try Bitmap(pixels: small).write(to: path("small/a.png"))
        let trained = try mercer(
            "train", "adk", "--pairs", "large", "small", "--steps", "2", "-o", "w.safetensors", "--kernel", "6")
        #expect(trained.status == 0, "\(trained.errors)")
        let used = try mercer("resize", "a.png", "-o", "b.png", "--method", "adk", "--weights", "w.safetensors")
        #expect(used.status == 0, "\(used.errors)")
        #expect(try Bitmap(contentsOf: path("b.png")).width == 20)
        let moving = try mercer(
            "train", "adk", "--pairs", "large", "small", "--steps", "2", "-o", "m.safetensors", "--kernel", "4",
            "--offsets")
        #expect(moving.status == 0, "\(moving.errors)")
        let moved = try mercer("resize", "a.png", "-o", "m.png", "--method", "adk", "--weights", "m.safetensors")
        #expect(moved.status == 0, "\(moved.errors)")
        let other = try mercer(
            "resize", "a.png", "-o", "c.png", "--method", "adk", "--weights", "w.safetensors", "--scale", "0.25")
        #expect(other.status == 1 && other.errors.contains("reduction by 2, but 4"))
        try Bitmap(pixels: small).write(to: path("small/b.png"))
        let unpaired = try mercer("train", "adk", "--pairs", "large", "small", "-o", "v.safetensors")
        #expect(unpaired.status == 1 && unpaired.errors.contains("b is in one folder only"), "\(unpaired.errors)")
        try Bitmap(pixels: Resample.resize(smooth, to: (90, 90), .bicubic)).write(to: path("large/b.png"))
        let sizes = try mercer("train", "adk", "--pairs", "large", "small", "-o", "v.safetensors")
        #expect(sizes.status == 1 && sizes.errors.contains("90x90") && sizes.errors.contains("60x60"))
        try Bitmap(pixels: picture(6, 30).pixels).write(to: path("tiny.png"))
        let tiny = try mercer("resize", "tiny.png", "-o", "t.png", "--method", "adk")
        #expect(tiny.status == 3 && tiny.errors.contains("smaller than the kernels"), "\(tiny.errors)")
    }

    @Test func greyPicturesAndOpacityAreKept() throws {
        try picture(40, 30, channels: 1).write(to: path("grey.png"))
        try picture(41, 30, channels: 4).write(to: path("alpha.png"))
        let result = try mercer("resize", "grey.png", "alpha.png", "-o", "out", "--method", "adk", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let (grey, alpha) = (
            try Bitmap(contentsOf: path("out/grey.png")), try Bitmap(contentsOf: path("out/alpha.png"))
        )
        #expect(grey.channels == 1 && alpha.channels == 4 && alpha.hasAlpha)
        #expect(grey.width == 20 && alpha.width == 20 && alpha.height == 15)
        // Opacity is the mean of 2×2 pixels.
        let before = try Bitmap(contentsOf: path("alpha.png")).pixels[0..<30, 0..<40, 3..<4].asType(.float32)
        let mean = avgPool2d(before.expandedDimensions(axis: 0), kernel: 2, stride: 2)[0]
        let difference: Tensor = alpha.pixels[0..., 0..., 3..<4].asType(.float32) - mean
        #expect(difference.abs().max().doubleValue <= 0.5)
    }

    @Test func shiftedPairsAreFoundAndMended() throws {
        for name in ["large", "small", "none"] {
            try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
        }
        let smooth = Resample.resize(picture(64, 64).pixels, to: (260, 260), .bicubic)
        let small = Resample.resize(smooth, to: (130, 130), .box)
        // The small picture begins one pixel further right and two further down.
        try Bitmap(pixels: smooth[0..<240, 0..<241, 0...].contiguous()).write(to: path("large/a.png"))
        try Bitmap(pixels: small[2..<122, 1..<121, 0...].contiguous()).write(to: path("small/a.png"))
        let train = ["train", "adk", "--pairs", "large", "small", "--steps", "2", "-o", "w.safetensors"]
        let refused = try Command.run(Command.executable, train, in: folder.url)
        #expect(refused.status == 1 && refused.errors.contains("small/a.png"), "\(refused.errors)")
        #expect(refused.errors.contains("shifted by -1 pixels across and -2 down"), "\(refused.errors)")
        #expect(refused.errors.contains("--fix-shift"))
        #expect(!FileManager.default.fileExists(atPath: path("w.safetensors")))
        let mended = try Command.run(Command.executable, train + ["--fix-shift"], in: folder.url)
        #expect(mended.status == 0 && mended.errors.contains("cropped to what both show"), "\(mended.errors)")
        #expect(mended.errors.contains("0 rows and 1 columns at the end are cropped"))
        let nothing = try mercer("train", "adk", "--pairs", "large", "none", "-o", "v.safetensors")
        #expect(nothing.status == 1 && nothing.errors.contains("none"), "\(nothing.errors)")
        let missing = try mercer("train", "adk", "--pairs", "large", "nowhere", "-o", "v.safetensors")
        #expect(missing.status == 1 && missing.errors.contains("nowhere"), "\(missing.errors)")
    }

    @Test(arguments: [("422", 2), ("444", 3), ("mono", 1)])
    func streamsOfOtherColourSamplingsAreEnlarged(_ kind: String, _ parts: Int) throws {
        var data = Data("YUV4MPEG2 W16 H12 F25:1 Ip A1:1 C\(kind)\n".utf8)
        data += Data("FRAME\n".utf8) + Data((0..<(16 * 12 * parts)).map { UInt8(truncatingIfNeeded: $0) })
        try data.write(to: URL(fileURLWithPath: path("c.y4m")))
        let result = try mercer("resize", "c.y4m", "-o", "d.y4m", "--method", "espcn", "--scale", "2")
        #expect(result.status == 0, "\(result.errors)")
        let made = try Data(contentsOf: URL(fileURLWithPath: path("d.y4m")))
        let header = Data("YUV4MPEG2 W32 H24 F25:1 Ip A1:1 C\(kind)\n".utf8)
        #expect(made.starts(with: header) && made.count == header.count + 6 + 32 * 24 * parts)
    }
}
