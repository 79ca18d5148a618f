/// The look of charts: muted grid, colours that stay apart for colour-blind readers, light and dark.
enum ChartStyle {
    /// Colours of the series, each with its twin on dark ground. All are dark (light) enough to be read as text.
    static let colours: [(light: String, dark: String)] = [
        ("#2257c5", "#7fa9ff"), ("#c2410c", "#ff9563"), ("#0c7a6b", "#45c9b4"), ("#9a2c87", "#e591d8"),
        ("#876000", "#dfb445"), ("#56606b", "#a8b1bc"), ("#7a4a2e", "#cba083"), ("#4b45b8", "#aaa4ff"),
    ]

    static let text = 12.5
    static let small = 12.0

    /// The style sheet, for one chart or for a page of many. `mc` is the class of every chart.
    static let css: String = {
        var css = """
            .mc{font:12.5px/1.3 system-ui,-apple-system,"Segoe UI",Inter,Roboto,"Helvetica Neue",sans-serif;\
            font-variant-numeric:tabular-nums}
            .mc .title{font-size:15.5px;font-weight:650;fill:#16191d}
            .mc .label{fill:#4a525c}
            .mc .tick{font-size:12px;fill:#67707b}
            .mc .value{font-size:12px;font-weight:550;fill:#2b3138}
            .mc .name{font-weight:600}
            .mc .grid{stroke:#e6e8eb;stroke-width:1}
            .mc .axis{stroke:#9aa2ac;stroke-width:1}
            .mc .guide{stroke:#3a4149;stroke-width:1.25;stroke-dasharray:2 3}
            .mc .guidename{font-size:12px;font-weight:600;fill:#3a4149}
            .mc .l{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}
            .mc .dashed{stroke-dasharray:6 4.5}
            .mc .w{fill:none;stroke-width:1.5;stroke-linecap:round}
            .mc .bw{fill:none;stroke:#16191d;stroke-opacity:.65;stroke-width:1.25;stroke-linecap:round}
            .mc .band{fill-opacity:.14;stroke:none}
            .mc .dot{stroke:#fff;stroke-width:1.25}
            .mc .hit{fill-opacity:0;stroke:none}
            .mc .hit:hover{fill-opacity:.28}
            .mc .halo{stroke:#fff;stroke-width:3.5;stroke-linejoin:round;paint-order:stroke}

            """
        for (i, colour) in colours.enumerated() {
            css += series(i, colour.light)
        }
        css += """
            @media screen and (prefers-color-scheme:dark){
            .mc .title{fill:#eef0f3}.mc .label{fill:#b4bcc6}.mc .tick{fill:#97a0ab}.mc .value{fill:#d9dee4}
            .mc .grid{stroke:#2c3138}.mc .axis{stroke:#626b76}.mc .guide{stroke:#c5ccd4}
            .mc .guidename{fill:#c5ccd4}.mc .dot,.mc .halo{stroke:#17191d}.mc .bw{stroke:#fff}

            """
        for (i, colour) in colours.enumerated() {
            css += series(i, colour.dark)
        }
        return css + "}\n"
    }()

    private static func series(_ i: Int, _ colour: String) -> String {
        ".mc .l.s\(i),.mc .w.s\(i){stroke:\(colour)}.mc .f.s\(i){fill:\(colour)}\n"
    }
}
