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

    /// Whether a check passed stands out in what it printed.
    let mark (document: IDocument) =
        for output in document.QuerySelectorAll "#content pre.output" do
            let passed = Regex.Replace(output.InnerHtml, @"(?m)^ok(?= )", "<span class=\"passed\">ok</span>")
            output.InnerHtml <- Regex.Replace(passed, @"(?m)^FAILED .*$", "<span class=\"failed\">$&</span>")

    /// Puts each block of code into a box that offers to copy it.
    let box (document: IDocument) =
        for pre in List.ofSeq (document.QuerySelectorAll "#content pre:not(.output, .declaration)") do
            let box = document.CreateElement "div"
            box.ClassName <- "copyable"
            pre.Replace box
            box.AppendChild pre |> ignore
