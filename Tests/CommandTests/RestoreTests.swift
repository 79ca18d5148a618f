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
    ])
    func wrongInputIsNamed(_ arguments: [String], _ word: String) throws {
        let result = try restore(arguments + ["-o", "out.png", "--iterations", "2"])
        #expect(result.status == 1, "\(arguments)")
        #expect(result.errors.contains(word), "\(arguments): \(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: path("out.png")))
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
        (["--ms", "ms.npy", "--pan", "pan.npy", "--sensor", "WV3"], "8 gains"),
        (["--ms", "pan.npy", "--pan", "pan.npy"], "three or more"),
        (["--ms", "ms.npy", "--pan", "ms.npy"], "4 bands; one is expected"),
    ])
    func wrongScenesAreNamed(_ arguments: [String], _ word: String) throws {
        let result = try restore(arguments + ["--method", "gsa", "--scale", "2048", "-o", "o.npy"])
        #expect(result.status == 1, "\(arguments)")
        #expect(result.errors.contains(word), "\(arguments): \(result.errors)")
    }

    @Test func reflectancesNeedAScale() throws {
        let result = try restore(["--method", "exp", "--ms", "ms.npy", "--pan", "pan.npy", "-o", "o.npy"])
        #expect(result.status == 1 && result.errors.contains("--scale"))
    }
}
