/// Decompression of DEFLATE data (RFC 1951), the method of zip and gzip.
///
/// A block is a run of Huffman codes for literals and for (length, distance) copies from what was written before. Codes
/// of up to ten bits are looked up in a table at once, the rare longer ones are walked bit by bit. Memory grows with
/// the bytes that really come out, never with a size that a file declares, and stops at a limit.
struct Inflate {
    private let input: UnsafeRawBufferPointer
    /// Where messages say the fault is: an offset in `input`.
    private let path: String
    private let place: (Int) -> TensorFileError.Place
    private var position = 0
    /// Bits that were read from the input and not used yet, the next one lowest.
    private var bits: UInt64 = 0
    private var bitCount = 0
    private var output: GrowingBytes

    /// Copies reach no further back than this: where the stream's own bytes begin.
    private let windowStart: Int

    /// Decompresses one stream and appends it to `output`, whose limit it must not pass.
    ///
    /// - Parameter place: names an offset of `input` in messages.
    /// - Returns: how many bytes of input the stream took.
    static func stream(
        _ input: UnsafeRawBufferPointer, into output: inout GrowingBytes, path: String,
        place: @escaping (Int) -> TensorFileError.Place
    ) throws -> Int {
        var inflate = Inflate(input: input, path: path, place: place, output: output)
        try inflate.run()
        output = inflate.output
        return inflate.position - inflate.bitCount / 8
    }

    private init(
        input: UnsafeRawBufferPointer, path: String, place: @escaping (Int) -> TensorFileError.Place,
        output: GrowingBytes
    ) {
        self.input = input
        self.path = path
        self.place = place
        self.output = output
        windowStart = output.count
    }

    private func failure(_ found: String, _ expected: String) -> TensorFileError {
        .malformed(
            path: path, place: place(min(position, input.count)), found: found + " in compressed data",
            expected: expected)
    }

    private mutating func run() throws {
        var isLast = false
        while !isLast {
            isLast = try take(1) == 1
            switch try take(2) {
            case 0: try storedBlock()
            case 1: try codedBlock(.fixedLiterals, .fixedDistances)
            case 2:
                let (literals, distances) = try readTables()
                try codedBlock(literals, distances)
            default: throw failure("a block of the reserved type 3", "type 0, 1 or 2")
            }
        }
    }

    // MARK: Bits

    /// Tops the bit buffer up to at least 48 bits where the input has them; zeros follow its end.
    @inline(__always)
    private mutating func refill() {
        if position + 8 <= input.count {
            bits |=
                UInt64(littleEndian: input.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                << UInt64(truncatingIfNeeded: bitCount)
            let whole = (63 - bitCount) >> 3
            position += whole
            bitCount += whole * 8
        } else {
            while bitCount <= 48 && position < input.count {
                bits |= UInt64(input[position]) << UInt64(truncatingIfNeeded: bitCount)
                position += 1
                bitCount += 8
            }
        }
    }

    @inline(__always)
    private mutating func drop(_ count: Int) throws {
        guard count <= bitCount else { throw failure("the end", "more data") }
        bits >>= UInt64(truncatingIfNeeded: count)
        bitCount -= count
        // Above bitCount the buffer may hold bits that the next refill reads again.
        bits &= (1 << UInt64(truncatingIfNeeded: bitCount)) &- 1
    }

    /// The next `count` ≤ 16 bits as a number.
    @inline(__always)
    private mutating func take(_ count: Int) throws -> Int {
        if bitCount < count { refill() }
        let value = Int(truncatingIfNeeded: bits & ((1 << UInt64(truncatingIfNeeded: count)) - 1))
        try drop(count)
        return value
    }

    @inline(__always)
    private mutating func symbol(_ table: HuffmanTable) throws -> Int {
        if bitCount < 15 { refill() }
        let entry = table.fast[Int(truncatingIfNeeded: bits) & (HuffmanTable.fastSize - 1)]
        if entry != 0 {
            try drop(Int(entry & 15))
            return Int(entry >> 4)
        }
        guard let (symbol, length) = table.walk(bits) else {
            throw failure("a bit pattern without a code", "a code")
        }
        try drop(length)
        return symbol
    }

    // MARK: Blocks

    private mutating func storedBlock() throws {
        try drop(bitCount % 8)
        let length = try take(16)
        let check = try take(16)
        guard length == ~check & 0xffff else {
            throw failure("a stored length whose complement doesn't match", "both to agree")
        }
        // Whole bytes that wait in the bit buffer go back to the input.
        position -= bitCount / 8
        bits = 0
        bitCount = 0
        guard length <= input.count - position else { throw failure("the end", "\(length) stored bytes") }
        try reserve(length)
        output.append(UnsafeRawBufferPointer(rebasing: input[position..<(position + length)]))
        position += length
    }

    private mutating func codedBlock(_ literals: HuffmanTable, _ distances: HuffmanTable) throws {
        while true {
            let symbol = try self.symbol(literals)
            if symbol < 256 {
                try reserve(1)
                output.append(UInt8(truncatingIfNeeded: symbol))
                continue
            }
            if symbol == 256 { return }
            guard symbol < 286 else { throw failure("the reserved length code \(symbol)", "at most 285") }
            let length = Self.lengthBase[symbol - 257] + (try take(Self.lengthBits[symbol - 257]))
            let code = try self.symbol(distances)
            guard code < 30 else { throw failure("the reserved distance code \(code)", "at most 29") }
            let distance = Self.distanceBase[code] + (try take(Self.distanceBits[code]))
            let written = output.count - windowStart
            guard distance <= written else {
                throw failure("a copy from \(distance) bytes back after \(written) bytes", "a nearer one")
            }
            try reserve(length)
            output.repeatBytes(distance: distance, count: length)
        }
    }

    @inline(__always)
    private mutating func reserve(_ count: Int) throws {
        if output.count + count <= output.capacity { return }
        guard output.count + count <= output.limit else {
            throw failure("more than \(output.limit) bytes", "no more than that")
        }
        output.grow(for: count)
    }

    private mutating func readTables() throws -> (HuffmanTable, HuffmanTable) {
        let literalCount = try take(5) + 257
        let distanceCount = try take(5) + 1
        let codeCount = try take(4) + 4
        guard literalCount <= 286, distanceCount <= 30 else {
            throw failure("\(literalCount) literal and \(distanceCount) distance codes", "at most 286 and 30")
        }
        var codeLengths = [UInt8](repeating: 0, count: 19)
        for i in 0..<codeCount { codeLengths[Self.codeOrder[i]] = UInt8(try take(3)) }
        guard let codes = HuffmanTable(codeLengths[...]) else {
            throw failure("an impossible code-length code", "a code")
        }
        var lengths: [UInt8] = []
        while lengths.count < literalCount + distanceCount {
            let symbol = try self.symbol(codes)
            let run: (length: UInt8, count: Int)
            switch symbol {
            case 16:
                guard let last = lengths.last else {
                    throw failure("a repetition of nothing", "a length first")
                }
                run = (last, try take(2) + 3)
            case 17: run = (0, try take(3) + 3)
            case 18: run = (0, try take(7) + 11)
            default: run = (UInt8(symbol), 1)
            }
            guard lengths.count + run.count <= literalCount + distanceCount else {
                throw failure("more code lengths than announced", "\(literalCount + distanceCount)")
            }
            lengths += repeatElement(run.length, count: run.count)
        }
        guard lengths[256] > 0 else { throw failure("no code for the end of a block", "one") }
        guard let literals = HuffmanTable(lengths[..<literalCount]),
            let distances = HuffmanTable(lengths[literalCount...])
        else { throw failure("an impossible Huffman code", "a code") }
        return (literals, distances)
    }

    private static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    private static let lengthBits = (0..<29).map { $0 < 8 || $0 == 28 ? 0 : $0 / 4 - 1 }
    private static let lengthBase: [Int] = {
        var base = [3]
        for bits in lengthBits.dropLast() { base.append(base.last! + 1 << bits) }
        base[28] = 258
        return base
    }()
    private static let distanceBits = (0..<30).map { $0 < 4 ? 0 : $0 / 2 - 1 }
    private static let distanceBase: [Int] = {
        var base = [1]
        for bits in distanceBits.dropLast() { base.append(base.last! + 1 << bits) }
        return base
    }()
}

/// A canonical Huffman code: the lengths of the codes say everything (RFC 1951, 3.2.2).
struct HuffmanTable {
    static let fastBits = 10
    static let fastSize = 1 << fastBits

    /// By the next ten bits: symbol · 16 + length; 0 where the code is longer or there is none.
    private(set) var fast = [UInt16](repeating: 0, count: fastSize)
    /// How many codes there are of each length.
    private var counts = [Int](repeating: 0, count: 16)
    /// The symbols by length, then by value.
    private var symbols: [UInt16]

    /// - Returns: nil where no code has these lengths: too many short ones, or unused patterns (but a single code of
    ///   length 1, or none at all, is allowed).
    init?(_ lengths: ArraySlice<UInt8>) {
        for length in lengths where length > 0 { counts[Int(length)] += 1 }
        let used = counts.reduce(0, +)
        var left = 1
        for length in 1...15 {
            left = 2 * left - counts[length]
            if left < 0 { return nil }
        }
        if left > 0 && !(used == 0 || used == 1 && counts[1] == 1) { return nil }

        var starts = [Int](repeating: 0, count: 17)
        for length in 1...15 { starts[length + 1] = starts[length] + counts[length] }
        symbols = [UInt16](repeating: 0, count: used)
        var next = starts
        for (symbol, length) in lengths.enumerated() where length > 0 {
            symbols[next[Int(length)]] = UInt16(symbol)
            next[Int(length)] += 1
        }
        var code = 0
        for length in 1...Self.fastBits {
            for symbol in symbols[starts[length]..<starts[length + 1]] {
                // Codes come highest bit first, the bit buffer has them lowest first.
                var pattern = 0
                for bit in 0..<length where code >> bit & 1 == 1 { pattern |= 1 << (length - 1 - bit) }
                while pattern < Self.fastSize {
                    fast[pattern] = symbol << 4 | UInt16(length)
                    pattern += 1 << length
                }
                code += 1
            }
            code <<= 1
        }
    }

    /// The symbol at the front of the bits, and its length, found bit by bit.
    func walk(_ bits: UInt64) -> (symbol: Int, length: Int)? {
        var code = 0
        var first = 0
        var index = 0
        for length in 1...15 {
            code |= Int(bits >> UInt64(length - 1) & 1)
            let count = counts[length]
            if code - first < count { return (Int(symbols[index + code - first]), length) }
            index += count
            first = (first + count) << 1
            code <<= 1
        }
        return nil
    }

    static let fixedLiterals = HuffmanTable(
        ([UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112)
            + [UInt8](repeating: 7, count: 24)
            + [UInt8](repeating: 8, count: 8))[...])!
    /// Thirty-two codes, of which the last two never occur.
    static let fixedDistances = HuffmanTable([UInt8](repeating: 5, count: 32)[...])!
}

/// Bytes in a storage that is replaced by a larger one when it is full.
struct GrowingBytes {
    private(set) var storage: Storage
    private(set) var count = 0
    private(set) var capacity: Int
    /// The capacity never exceeds this.
    let limit: Int

    /// Room for what `packed` compressed bytes usually become: text shrinks about four times.
    init(forPacked packed: Int, limit: Int) {
        self.limit = limit
        capacity = min(limit, 4 * min(packed, Int.max / 4))
        storage = Storage(byteCount: capacity)
    }

    /// The bytes from an index on, valid until the next change.
    func bytes(from start: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: storage.pointer + start, count: count - start)
    }

    /// Makes room for `extra` more bytes, which the limit allows.
    mutating func grow(for extra: Int) {
        capacity = min(limit, max(count + extra, 2 * capacity, 1 << 12))
        let larger = Storage(byteCount: capacity)
        larger.pointer.copyMemory(from: storage.pointer, byteCount: count)
        storage = larger
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        storage.pointer.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress {
            (storage.pointer + count).copyMemory(from: base, byteCount: bytes.count)
        }
        count += bytes.count
    }

    /// Appends `length` bytes that start `distance` before the end and may run into themselves.
    @inline(__always)
    mutating func repeatBytes(distance: Int, count length: Int) {
        let target = storage.pointer.assumingMemoryBound(to: UInt8.self) + count
        let source = target - distance
        if distance >= length {
            target.update(from: source, count: length)
        } else {
            for i in 0..<length { target[i] = source[i] }
        }
        count += length
    }
}
