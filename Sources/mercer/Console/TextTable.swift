/// A table of aligned columns for the terminal.
struct TextTable {
    enum Alignment { case left, right }

    /// A cell and how it is shown.
    struct Cell: ExpressibleByStringInterpolation {
        var text: String
        var styles: [Console.Style]

        init(_ text: String, _ styles: Console.Style...) {
            self.text = text
            self.styles = styles
        }

        init(stringLiteral value: String) {
            self.init(value)
        }
    }

    private let columns: [(name: String, alignment: Alignment)]
    private var rows: [[Cell]] = []

    /// - Parameter columns: the heads; an empty one has no head.
    init(_ columns: (String, Alignment)...) {
        self.columns = columns.map { (name: $0.0, alignment: $0.1) }
    }

    mutating func add(_ cells: Cell...) {
        precondition(
            cells.count == columns.count, "TextTable: \(cells.count) cells in \(columns.count) columns")
        rows.append(cells)
    }

    /// The lines of the table; its last column is cut where it doesn't fit.
    func text(for stream: Console.Stream = Console.output, indent: String = "") -> String {
        let hasHead = columns.contains { !$0.name.isEmpty }
        let head = columns.map { Cell($0.name, .dim) }
        let all = hasHead ? [head] + rows : rows
        let widths = columns.indices.map { column in all.map { $0[column].text.count }.max() ?? 0 }
        return all.map { row in
            var line = indent
            var used = indent.count
            for (column, cell) in row.enumerated() {
                let isLast = column == row.count - 1
                let limit = isLast && stream.isTerminal ? max(8, stream.width - used) : Int.max
                let text = cell.text.count > limit ? cell.text.prefix(limit - 1) + "…" : cell.text
                let space = String(repeating: " ", count: max(0, widths[column] - text.count))
                let styled = cell.styles.reduce(text) { stream.styled($0, $1) }
                line +=
                    columns[column].alignment == .right ? space + styled : isLast ? styled : styled + space
                line += isLast ? "" : "  "
                used += widths[column] + 2
            }
            return line
        }.joined(separator: "\n")
    }
}
