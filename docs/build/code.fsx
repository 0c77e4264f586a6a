namespace Hybrid.Docs

open System.Text.RegularExpressions
open AngleSharp.Dom

/// Blocks of code, and what code printed.
[<RequireQualifiedAccess>]
module Code =
    let private mark (text: string) =
        let text = Regex.Replace(text, @"(?m)^ok(?= )", "<span class=\"passed\">ok</span>")
        Regex.Replace(text, @"(?m)^FAILED .*$", "<span class=\"failed\">$&</span>")

    /// fsdocs wraps output, and code that it does not colour, into a table of one cell.
    let unwrap (document: IDocument) =
        for table in List.ofSeq (document.QuerySelectorAll "#content table.pre") do
            let pre = table.QuerySelector "pre"

            if isNull (table.QuerySelector "td.snippet") then
                pre.ClassName <- "output"
                let code = pre.QuerySelector "code"
                let text = if isNull code then pre else code
                text.InnerHtml <- mark text.InnerHtml

            // In a quick run some cells print nothing.
            if pre.TextContent.Trim() = "" then table.Remove() else table.Replace pre

        // The attribute is for languages that people speak.
        for code in document.QuerySelectorAll "code[lang]" do
            code.SetAttribute("data-lang", code.GetAttribute "lang")
            code.RemoveAttribute "lang" |> ignore

    /// Puts each block of code into a box that offers to copy it.
    let box (document: IDocument) =
        for pre in List.ofSeq (document.QuerySelectorAll "#content pre:not(.output, .declaration)") do
            let box = document.CreateElement "div"
            box.ClassName <- "copyable"
            pre.Replace box
            box.AppendChild pre |> ignore
