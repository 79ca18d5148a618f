import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerImageIO

/// `mercer restore`: mends a picture: takes blur out of a photograph, or detail of one band into others.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Mend a picture: deblur it, or sharpen its bands by a finer one.",
        discussion: """
            drp (Deep Residual Prior, Tang et al. 2023) takes the blur of a roughly known kernel out of one photograph \
            by two networks that are fitted to it; dip, wiener and richardson-lucy are the simpler ways. The kernel is \
            disk:RADIUS (defocus), motion:LENGTH,ANGLE (shake), gaussian:SIGMA, or a .png or .npy file.

            It takes minutes. A stop by Ctrl-C writes the best picture so far and keeps the state; the same command \
            then goes on from there.

              mercer restore --method drp --kernel disk:7 photo.jpg -o sharp.jpg
              mercer restore --method drp --kernel motion:20,10 photo.jpg -o sharp.png --preview 50
              mercer restore --method wiener --kernel k.png photo.jpg -o sharp.png

            lambda-pnn (Ciotola et al. 2023) fuses a multispectral satellite picture with a finer panchromatic one by \
            a network that is adapted to the very scene; exp, brovey, gsa and mtf-glp are the classical ways. The \
            panchromatic picture's GeoTIFF tags are kept.

              mercer restore --method lambda-pnn --ms ms.tif --pan pan.tif -o fused.tif --sensor GE1
            """)

    static let methods = PictureDeblurring.Method.allCases.map(\.rawValue) + PansharpenOptions.methods

    @Argument(help: "The picture.")
    var input: String?

    @Option(name: [.short, .customLong("output")], help: ArgumentHelp("Where the result goes.", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("One of \(methods.joined(separator: ", ")).", valueName: "method"))
    var method = "drp"

    @OptionGroup var common: RestoreOptions
    @OptionGroup(title: "Deblurring") var deblur: DeblurOptions
    @OptionGroup(title: "Pansharpening") var pansharpen: PansharpenOptions

    func validate() throws {
        guard Self.methods.contains(method) else {
            throw ValidationError("there is no method '\(method)'; there are \(Self.methods.joined(separator: ", "))")
        }
        try common.validate()
        if PansharpenOptions.methods.contains(method) { return try pansharpen.validate(input, output) }
        if input == nil { throw ValidationError("which picture? Name a file") }
        try deblur.validate(method, output)
    }

    func run() async throws {
        // A picture of a stopped job is replaced by that job.
        let goesOn = FileManager.default.fileExists(atPath: deblur.stateFile(output))
        if FileManager.default.fileExists(atPath: output), !common.overwrite, !goesOn {
            throw CleanFailure("\(output) is there already; --overwrite replaces it")
        }
        let folder = (output as NSString).deletingLastPathComponent
        if !folder.isEmpty {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        if PansharpenOptions.methods.contains(method) { return try pansharpen.run(output, method, common) }
        try deblur.run(input!, output, method, common)
    }
}

/// What every restoration has.
struct RestoreOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A sharp picture of the same size, to measure with; the method doesn't see it.", valueName: "file"))
    var reference: String?

    @Option(help: ArgumentHelp("The seed of everything random.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp(
            "A sheet of before, after and, where there is one, the reference: PNG, or HTML by its ending.",
            valueName: "file"))
    var compare: String?

    @Option(help: ArgumentHelp("The quality of lossy formats, 1 to 100.", valueName: "n"))
    var quality = 95

    @Flag(help: "Replace files that are there.")
    var overwrite = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if !(1...100).contains(quality) { throw ValidationError("'--quality' must lie between 1 and 100") }
        if let compare, !compare.hasSuffix(".html"), !compare.hasSuffix(".htm"), ImageFormat(fileName: compare) == nil {
            throw ValidationError("'--compare \(compare)' names neither a picture nor an .html file")
        }
    }

    /// Writes the sheet where one is asked for.
    func sheet(_ name: String, _ title: String, _ pictures: [(name: String, picture: Bitmap)]) throws {
        guard let compare else { return }
        let sheet = ComparisonSheet(name: name, title: title, pictures)
        if compare.hasSuffix(".html") || compare.hasSuffix(".htm") {
            try AtomicFile.write(try sheet.page(), to: compare)
        } else {
            try sheet.picture().write(to: compare)
        }
    }
}
