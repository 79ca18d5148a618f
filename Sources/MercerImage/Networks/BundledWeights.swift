import Foundation

/// Weights that come with Mercer: small safetensors files, each with the recipe that made it in its metadata.
public enum BundledWeights {
    /// The names of the files without their ending, sorted.
    public static var names: [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".safetensors") }.map { String($0.dropLast(".safetensors".count)) }.sorted()
    }

    /// The path of a file; nil where there is none of that name.
    public static func path(_ name: String) -> String? {
        let path = folder.appending(path: name + ".safetensors").path
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    private static var folder: URL { Bundle.module.bundleURL.appending(path: "Weights") }
}
