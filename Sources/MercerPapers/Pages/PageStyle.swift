/// The look of Mercer's pages.
enum PageStyle {
    static let css = """
        :root{--ground:#fff;--card:#f7f8f9;--ink:#16191d;--soft:#4a525c;--faint:#6b7480;--rule:#e2e5e9;
        --link:#2257c5;--pass:#0b6e4f;--passbg:#dff3ea;--short:#b23a0e;--shortbg:#fde9df;--open:#5b6470;
        --openbg:#eceef1;--met:#bfe6d4;--track:#eceef1}
        @media screen and (prefers-color-scheme:dark){:root{--ground:#17191d;--card:#1f2227;--ink:#eef0f3;
        --soft:#b9c1ca;--faint:#98a1ac;--rule:#30353c;--link:#8fb3ff;--pass:#63d3a6;--passbg:#143a2c;
        --short:#ff9d72;--shortbg:#46240f;--open:#b1b9c3;--openbg:#2b3037;--met:#1e5541;--track:#2b3037}}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%}
        body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",
        Inter,Roboto,"Helvetica Neue",sans-serif;font-variant-numeric:tabular-nums}
        main{max-width:980px;margin:0 auto;padding:56px 28px 80px}
        h1{font-size:clamp(1.7rem,4.2vw,2.45rem);line-height:1.16;letter-spacing:-.018em;margin:.15em 0 .4em;
        font-weight:720;text-wrap:balance}
        h2{font-size:1.3rem;line-height:1.3;letter-spacing:-.01em;margin:0 0 .7em;font-weight:680}
        h3{font-size:1rem;margin:0 0 .5em;font-weight:650}
        p{margin:0 0 1em;max-width:46rem}
        a{color:var(--link);text-decoration-thickness:1px;text-underline-offset:2px}
        code,pre{font:.92em/1.5 ui-monospace,"SF Mono","Cascadia Mono",Menlo,"DejaVu Sans Mono",monospace}
        code{background:var(--card);border-radius:4px;padding:.1em .3em}
        pre{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px 16px;overflow:auto}
        .eyebrow{font-size:.86rem;font-weight:650;letter-spacing:.01em;color:var(--faint);margin:0}
        .meta{color:var(--soft);font-size:.95rem}
        .dot{color:var(--faint)}
        .summary{font-size:1.07rem;color:var(--soft)}
        section,footer{margin-top:48px}
        small{display:block;font-size:.84rem;line-height:1.45;color:var(--faint);font-weight:400}
        .verdict{display:flex;flex-wrap:wrap;align-items:center;gap:8px 16px;margin-bottom:14px}
        .verdict h2,.verdict p{margin:0}
        .beads{display:flex;gap:5px}
        .beads i{width:12px;height:12px;border-radius:50%;background:var(--open)}
        .beads .pass{background:var(--pass)}
        .beads .short{background:none;border:3px solid var(--short)}
        .beads .open{background:none;border:2px dashed var(--open)}
        .badge{font-size:.84rem;font-weight:600;color:var(--short);background:var(--shortbg);border-radius:999px;
        padding:3px 12px}
        table{border-collapse:collapse;width:100%;font-size:.93rem}
        th{font-size:.82rem;font-weight:600;text-align:left;color:var(--faint);padding:8px 14px 8px 0;
        border-bottom:1px solid var(--rule);white-space:nowrap;vertical-align:bottom}
        td{padding:9px 14px 9px 0;border-bottom:1px solid var(--rule);vertical-align:top}
        th.n,td.n{text-align:right}
        th:last-child,td:last-child{padding-right:0}
        tr.strong td{font-weight:680}
        .bars{table-layout:fixed}
        .bars th:nth-child(1){width:37%}.bars th:nth-child(2){width:12.5%}.bars th:nth-child(3){width:15.5%}
        .bars th:nth-child(4){width:20%}
        .bars td{padding-top:14px;padding-bottom:14px}
        .bars .claim{padding-right:26px}
        .bars .claim b{font-weight:620}
        .note{color:var(--soft);font-style:italic}
        th.gauge span{font-weight:400}
        .g{width:100%;max-width:190px;height:auto;display:block;margin-top:-4px}
        .g .track{fill:var(--track)}
        .g .met{fill:var(--met)}
        .g .bar{stroke:var(--ink);stroke-width:2}
        .g .seed{fill:var(--ink);fill-opacity:.42}
        .g .measured{fill:var(--short);stroke:var(--ground);stroke-width:1.5}
        .pass .g .measured{fill:var(--pass)}
        .pill{display:inline-block;font-size:.84rem;line-height:1.35;font-weight:620;border-radius:999px;padding:2px 11px;
        background:var(--openbg);color:var(--open)}
        .pass .pill{background:var(--passbg);color:var(--pass)}
        .short .pill{background:var(--shortbg);color:var(--short)}
        figure{margin:0}
        figure.chart,figure.table{margin:22px 0 30px}
        figure.chart{max-width:760px}
        .mc{width:100%;height:auto;display:block;overflow:visible}
        figcaption{font-size:.87rem;line-height:1.5;color:var(--faint);margin-top:10px;max-width:46rem}
        .scroll{overflow-x:auto}
        .pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(var(--w),100%),max-content));
        gap:18px;margin:20px 0 30px}
        .pictures img{max-width:100%;height:auto;display:block;border-radius:4px}
        .pictures .pixels{image-rendering:pixelated}
        dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(250px,1fr));gap:14px 28px;margin:18px 0 0}
        dt{font-size:.82rem;color:var(--faint);font-weight:600}
        dd{margin:0;font-size:.93rem;color:var(--soft)}
        @media (max-width:760px){main{padding:28px 18px 56px}
        .bars thead{display:none}.bars,.bars tbody,.bars tr,.bars td{display:block;width:auto!important}
        .bars tr{border-bottom:1px solid var(--rule);padding:14px 0}
        .bars td{border:0;padding:4px 0}
        .bars td[data-name]{display:flex;gap:12px;flex-wrap:wrap;white-space:normal!important}
        .bars td[data-name]::before{content:attr(data-name);color:var(--faint);font-size:.86rem;min-width:5.5rem}
        .bars td[data-name] small{align-self:center}
        .g{width:230px;margin:4px 0}}
        @media print{main{max-width:none;padding:0}body{font-size:11pt}section{break-inside:auto}
        figure,tr{break-inside:avoid}a{color:inherit}h2,h3{break-after:avoid}}

        """
}
