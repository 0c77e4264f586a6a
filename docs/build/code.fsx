namespace Hybrid.Docs

open System.Text.RegularExpressions
open AngleSharp.Dom

/// Blocks of code, and what code printed.
[<RequireQualifiedAccess>]
module Code =
    /// fsdocs wraps code that it does not colour into a table of one cell.
    let unwrap (document: IDocument) =
        for table in List.ofSeq (document.QuerySelectorAll "#content table.pre") do
            table.Replace(table.QuerySelector "pre")

        // The attribute is for languages that people speak.
        for code in document.QuerySelectorAll "code[lang], pre[lang]" do
            code.RemoveAttribute "lang" |> ignore

    /// The lines of checks: whether one passed stands out, and phones do without the blanks that make columns of them.
    let mark (document: IDocument) =
        for output in document.QuerySelectorAll "#content pre.output" do
            let passed = "<span class=\"check\"><span class=\"passed\">ok</span>$1</span>"
            let marked = Regex.Replace(output.InnerHtml, "(?m)^ok( .*)$", passed)
            output.InnerHtml <- Regex.Replace(marked, "(?m)^FAILED .*$", "<span class=\"check failed\">$&</span>")

    /// Puts each block of code into a box that offers to copy it.
    let box (document: IDocument) =
        for pre in List.ofSeq (document.QuerySelectorAll "#content pre:not(.output, .declaration)") do
            let box = document.CreateElement "div"
            box.ClassName <- "copyable"
            pre.Replace box
            box.AppendChild pre |> ignore
