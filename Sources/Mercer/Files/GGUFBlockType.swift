extension GGUF {
    /// How a tensor's elements are stored: plain numbers, or blocks of quantised ones along the last axis.
    public enum BlockType: UInt32, Sendable, CaseIterable, CustomStringConvertible {
        case f32 = 0
        case f16 = 1
        case q4_0 = 2
        case q4_1 = 3
        case q5_0 = 6
        case q5_1 = 7
        case q8_0 = 8
        case q8_1 = 9
        case q2_K = 10
        case q3_K = 11
        case q4_K = 12
        case q5_K = 13
        case q6_K = 14
        case q8_K = 15
        case iq2_XXS = 16
        case iq2_XS = 17
        case iq3_XXS = 18
        case iq1_S = 19
        case iq4_NL = 20
        case iq3_S = 21
        case iq2_S = 22
        case iq4_XS = 23
        case i8 = 24
        case i16 = 25
        case i32 = 26
        case i64 = 27
        case f64 = 28
        case iq1_M = 29
        case bf16 = 30
        case tq1_0 = 34
        case tq2_0 = 35
        case mxfp4 = 39

        /// The element type of plain numbers; nil for blocks.
        public var dtype: DType? { Self.dtypes[self] }

        /// Elements of one block.
        public var blockLength: Int { Self.layouts[self]!.elements }

        /// Bytes of one block.
        public var blockBytes: Int { Self.layouts[self]!.bytes }

        /// The name that llama.cpp prints, `Q4_K` for instance.
        public var description: String { Self.layouts[self]!.name }

        private static let dtypes: [BlockType: DType] = [
            .f32: .float32, .f16: .float16, .bf16: .bfloat16, .f64: .float64, .i8: .int8, .i16: .int16,
            .i32: .int32, .i64: .int64,
        ]

        private static let layouts: [BlockType: (elements: Int, bytes: Int, name: String)] = [
            .f32: (1, 4, "F32"),
            .f16: (1, 2, "F16"),
            .q4_0: (32, 18, "Q4_0"),
            .q4_1: (32, 20, "Q4_1"),
            .q5_0: (32, 22, "Q5_0"),
            .q5_1: (32, 24, "Q5_1"),
            .q8_0: (32, 34, "Q8_0"),
            .q8_1: (32, 36, "Q8_1"),
            .q2_K: (256, 84, "Q2_K"),
            .q3_K: (256, 110, "Q3_K"),
            .q4_K: (256, 144, "Q4_K"),
            .q5_K: (256, 176, "Q5_K"),
            .q6_K: (256, 210, "Q6_K"),
            .q8_K: (256, 292, "Q8_K"),
            .iq2_XXS: (256, 66, "IQ2_XXS"),
            .iq2_XS: (256, 74, "IQ2_XS"),
            .iq3_XXS: (256, 98, "IQ3_XXS"),
            .iq1_S: (256, 50, "IQ1_S"),
            .iq4_NL: (32, 18, "IQ4_NL"),
            .iq3_S: (256, 110, "IQ3_S"),
            .iq2_S: (256, 82, "IQ2_S"),
            .iq4_XS: (256, 136, "IQ4_XS"),
            .i8: (1, 1, "I8"),
            .i16: (1, 2, "I16"),
            .i32: (1, 4, "I32"),
            .i64: (1, 8, "I64"),
            .f64: (1, 8, "F64"),
            .iq1_M: (256, 56, "IQ1_M"),
            .bf16: (1, 2, "BF16"),
            .tq1_0: (256, 54, "TQ1_0"),
            .tq2_0: (256, 66, "TQ2_0"),
            .mxfp4: (32, 17, "MXFP4"),
        ]
    }
}
