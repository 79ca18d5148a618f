/// The tensors of a file by name: a safetensors file, or the index of a sharded model (`….index.json`).
///
/// - Parameter mapped: whether the tensors lie over the mapped file, which costs no memory until it is touched, rather
///   than in memory of their own.
/// - Throws: ``TensorFileError`` for what is wrong with the file, with the place.
public func loadTensors(_ path: String, mapped: Bool = false) throws -> [String: Tensor] {
    if path.hasSuffix(".index.json") { return try ShardedSafetensors(contentsOf: path).tensors(copied: !mapped) }
    return try Safetensors(contentsOf: path).tensors(copied: !mapped)
}

/// Writes tensors as a safetensors file; the same tensors give the same bytes. See ``Safetensors/write(_:to:metadata:)``.
public func saveTensors(_ tensors: [String: Tensor], to path: String, metadata: [String: String] = [:]) throws {
    try Safetensors.write(tensors, to: path, metadata: metadata)
}
