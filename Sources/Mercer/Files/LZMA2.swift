/// Unpacks raw LZMA2 data, as R keeps large objects (`compress = "xz"`): chunks that are stored or packed by LZMA, an
/// arithmetic code over literals and matches (I. Pavlov, "LZMA specification", 2015; the chunks as in xz's format).
struct LZMA2 {
    private let input: UnsafeRawBufferPointer
    private var position = 0
    private var output: [UInt8] = []
    private let path: String

    /// - Parameter size: how many bytes come out.
    /// - Throws: ``TensorFileError`` for data that aren't LZMA2 or don't give so many bytes.
    static func unpack(_ bytes: UnsafeRawBufferPointer, size: Int, path: String) throws -> [UInt8] {
        var reader = LZMA2(input: bytes, path: path)
        try reader.run(size)
        return reader.output
    }

    private init(input: UnsafeRawBufferPointer, path: String) {
        self.input = input
        self.path = path
    }

    private func failure(_ found: String) -> TensorFileError {
        .malformed(path: path, place: .byte(position), found: found, expected: "LZMA2 data of the stated size")
    }

    private mutating func byte() throws -> UInt8 {
        guard position < input.count else { throw failure("the end of the packed data") }
        position += 1
        return input[position - 1]
    }

    private mutating func short() throws -> Int { try Int(byte()) << 8 | Int(byte()) }

    private mutating func run(_ size: Int) throws {
        output.reserveCapacity(size)
        var decoder = Decoder()
        while true {
            let control = try byte()
            if control == 0 { break }
            if control < 0x80 {
                guard control <= 2 else { throw failure("a chunk of type \(control)") }
                let count = try short() + 1
                guard position + count <= input.count, output.count + count <= size else {
                    throw failure("a stored chunk of \(count) bytes")
                }
                output += input[position..<position + count]
                position += count
                continue
            }
            let unpacked = Int(control & 0x1F) << 16 | (try short()) + 1
            let packed = try short() + 1
            let reset = control >> 5 & 3
            if reset >= 2 {
                guard decoder.setProperties(try byte()) else { throw failure("unknown properties of LZMA") }
            }
            if reset >= 1 { decoder.resetState() }
            guard position + packed <= input.count, output.count + unpacked <= size else {
                throw failure("a packed chunk of \(packed) bytes")
            }
            let end = position + packed
            guard
                decoder.decode(
                    UnsafeRawBufferPointer(rebasing: input[position..<end]), count: unpacked, into: &output)
            else { throw failure("a match before the beginning, or a chunk that ends early") }
            position = end
        }
        guard output.count == size else { throw failure("\(output.count) bytes instead of \(size)") }
    }
}

extension LZMA2 {
    /// The state of LZMA from chunk to chunk.
    private struct Decoder {
        private var literalContext = 3
        private var literalPosition = 0
        private var positionBits = 2
        private var state = 0
        private var distances = (0, 0, 0, 0)
        private var range: UInt32 = 0
        private var code: UInt32 = 0
        private var next = 0

        private var isMatch = [UInt16](repeating: 1024, count: 12 << 4)
        private var isRepeat = [UInt16](repeating: 1024, count: 12)
        private var isRepeat0 = [UInt16](repeating: 1024, count: 12)
        private var isRepeat1 = [UInt16](repeating: 1024, count: 12)
        private var isRepeat2 = [UInt16](repeating: 1024, count: 12)
        private var isRepeat0Long = [UInt16](repeating: 1024, count: 12 << 4)
        private var slots = [UInt16](repeating: 1024, count: 4 * 64)
        private var special = [UInt16](repeating: 1024, count: 128)
        private var align = [UInt16](repeating: 1024, count: 16)
        private var literals: [UInt16] = []
        private var matchLength = LengthCoder()
        private var repeatLength = LengthCoder()

        struct LengthCoder {
            var choice = [UInt16](repeating: 1024, count: 2)
            var low = [UInt16](repeating: 1024, count: 16 * 8)
            var middle = [UInt16](repeating: 1024, count: 16 * 8)
            var high = [UInt16](repeating: 1024, count: 256)
        }

        mutating func setProperties(_ byte: UInt8) -> Bool {
            guard byte < 225 else { return false }
            literalContext = Int(byte) % 9
            literalPosition = Int(byte) / 9 % 5
            positionBits = Int(byte) / 45
            return literalContext + literalPosition <= 4
        }

        mutating func resetState() {
            let (context, place, bits) = (literalContext, literalPosition, positionBits)
            self = Decoder()
            (literalContext, literalPosition, positionBits) = (context, place, bits)
            literals = [UInt16](repeating: 1024, count: 0x300 << (context + place))
        }

        // MARK: Bits

        private mutating func normalize(_ input: UnsafeRawBufferPointer) {
            guard range < 1 << 24 else { return }
            range <<= 8
            code = code << 8 | UInt32(next < input.count ? input[next] : 0)
            next += 1
        }

        private mutating func bit(_ input: UnsafeRawBufferPointer, _ probability: inout UInt16) -> Int {
            let bound = (range >> 11) &* UInt32(probability)
            let result: Int
            if code < bound {
                range = bound
                probability += (2048 - probability) >> 5
                result = 0
            } else {
                range -= bound
                code -= bound
                probability -= probability >> 5
                result = 1
            }
            normalize(input)
            return result
        }

        private mutating func direct(_ input: UnsafeRawBufferPointer, _ count: Int) -> Int {
            var result = 0
            for _ in 0..<count {
                range >>= 1
                let one = code >= range
                if one { code -= range }
                result = result << 1 | (one ? 1 : 0)
                normalize(input)
            }
            return result
        }

        private mutating func tree(
            _ input: UnsafeRawBufferPointer, _ model: inout [UInt16], at base: Int, bits: Int
        ) -> Int {
            var m = 1
            for _ in 0..<bits { m = m << 1 | bit(input, &model[base + m]) }
            return m - 1 << bits
        }

        private mutating func reverseTree(
            _ input: UnsafeRawBufferPointer, _ model: inout [UInt16], at base: Int, bits: Int
        ) -> Int {
            var (m, result) = (1, 0)
            for i in 0..<bits {
                let one = bit(input, &model[base + m])
                m = m << 1 | one
                result |= one << i
            }
            return result
        }

        private mutating func length(
            _ input: UnsafeRawBufferPointer, _ coder: inout LengthCoder, _ place: Int
        ) -> Int {
            if bit(input, &coder.choice[0]) == 0 { return 2 + tree(input, &coder.low, at: place * 8, bits: 3) }
            if bit(input, &coder.choice[1]) == 0 {
                return 10 + tree(input, &coder.middle, at: place * 8, bits: 3)
            }
            return 18 + tree(input, &coder.high, at: 0, bits: 8)
        }

        // MARK: Symbols

        /// Appends `count` bytes; false where the data are wrong.
        mutating func decode(_ input: UnsafeRawBufferPointer, count: Int, into output: inout [UInt8]) -> Bool {
            guard input.count >= 5, !literals.isEmpty else { return false }
            range = .max
            code = input[1..<5].reduce(0) { $0 << 8 | UInt32($1) }
            next = 5
            let end = output.count + count
            while output.count < end {
                let place = output.count & (1 << positionBits - 1)
                var probability = isMatch[state << 4 + place]
                let matched = bit(input, &probability) == 1
                isMatch[state << 4 + place] = probability
                if !matched {
                    literal(input, into: &output)
                    continue
                }
                guard let size = match(input, place, into: &output) else { return false }
                if size == 1 { continue }
                guard distances.0 < output.count, output.count + size <= end else { return false }
                for _ in 0..<size { output.append(output[output.count - 1 - distances.0]) }
            }
            return next <= input.count
        }

        private mutating func literal(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) {
            let before = Int(output.last ?? 0)
            let low = (output.count & (1 << literalPosition - 1)) << literalContext
            let base = 0x300 * (low + before >> (8 - literalContext))
            var symbol = 1
            var model: [UInt16] = []
            swap(&model, &literals)
            if state >= 7, distances.0 < output.count {
                var expected = Int(output[output.count - 1 - distances.0])
                while symbol < 0x100 {
                    let first = expected >> 7 & 1
                    expected <<= 1
                    let one = bit(input, &model[base + (1 + first) << 8 + symbol])
                    symbol = symbol << 1 | one
                    if one != first { break }
                }
            }
            while symbol < 0x100 { symbol = symbol << 1 | bit(input, &model[base + symbol]) }
            swap(&model, &literals)
            output.append(UInt8(truncatingIfNeeded: symbol))
            state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6
        }

        /// The length of a match whose distance is now the first; 1 where one byte has been repeated already.
        private mutating func match(
            _ input: UnsafeRawBufferPointer, _ place: Int, into output: inout [UInt8]
        ) -> Int? {
            if take(input, \.isRepeat, state) == 0 {
                distances = (0, distances.0, distances.1, distances.2)
                var coder = matchLength
                let size = length(input, &coder, place)
                matchLength = coder
                state = state < 7 ? 7 : 10
                guard let distance = distance(input, size) else { return nil }
                distances.0 = distance
                return size
            }
            if take(input, \.isRepeat0, state) == 0 {
                if take(input, \.isRepeat0Long, state << 4 + place) == 0 {
                    guard distances.0 < output.count else { return nil }
                    state = state < 7 ? 9 : 11
                    output.append(output[output.count - 1 - distances.0])
                    return 1
                }
            } else if take(input, \.isRepeat1, state) == 0 {
                distances = (distances.1, distances.0, distances.2, distances.3)
            } else if take(input, \.isRepeat2, state) == 0 {
                distances = (distances.2, distances.0, distances.1, distances.3)
            } else {
                distances = (distances.3, distances.0, distances.1, distances.2)
            }
            var coder = repeatLength
            let size = length(input, &coder, place)
            repeatLength = coder
            state = state < 7 ? 8 : 11
            return size
        }

        private mutating func take(
            _ input: UnsafeRawBufferPointer, _ model: WritableKeyPath<Decoder, [UInt16]>, _ index: Int
        ) -> Int {
            var probability = self[keyPath: model][index]
            let result = bit(input, &probability)
            self[keyPath: model][index] = probability
            return result
        }

        private mutating func distance(_ input: UnsafeRawBufferPointer, _ size: Int) -> Int? {
            var model = slots
            let slot = tree(input, &model, at: min(size - 2, 3) * 64, bits: 6)
            slots = model
            if slot < 4 { return slot }
            let bits = slot >> 1 - 1
            var distance = (2 | slot & 1) << bits
            if slot < 14 {
                model = special
                distance += reverseTree(input, &model, at: distance - slot, bits: bits)
                special = model
                return distance
            }
            distance += direct(input, bits - 4) << 4
            model = align
            distance += reverseTree(input, &model, at: 0, bits: 4)
            align = model
            // All ones would end the data, which LZMA2 doesn't do.
            return distance == 0xFFFF_FFFF ? nil : distance
        }
    }
}
