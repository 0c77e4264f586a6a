namespace Hybrid.Docs

open System.Net
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

    let private check = Regex @"^(ok|FAILED) {2,}(\S+(?: \S+)*) {2,}(.*)$"

    /// A line of output as an element, so that it hangs below its own beginning where it wraps; of a check in columns, closer than on a terminal.
    let private line (html: string) =
        let found = check.Match html

        if found.Success then
            let outcome, told, name = found.Groups[1].Value, found.Groups[2].Value, found.Groups[3].Value
            let kind = if outcome = "ok" then "passed" else "failed"
            let blanks = String.replicate (max 2 (20 - (WebUtility.HtmlDecode told).Length)) " "
            $"<span class=\"check\"><span class=\"{kind}\">{outcome}</span>  {told}{blanks}{name}\n</span>"
        else
            $"<span class=\"line\">{html}\n</span>"

    /// What code printed, line by line.
    let mark (document: IDocument) =
        for output in document.QuerySelectorAll "#content pre.output" do
            let lines = output.InnerHtml.TrimEnd('\n').Split '\n'
            output.InnerHtml <- lines |> Array.map line |> String.concat ""

    /// Short code among words stays in one piece: nobody reads half an option at the end of a line.
    let keepWhole (document: IDocument) =
        for code in document.QuerySelectorAll "#content :is(p, li, summary) code" do
            if code.TextContent.Length <= 26 then
                code.ClassList.Add "whole"

    /// Puts each block of code into a box that offers to copy it.
    let box (document: IDocument) =
        for pre in List.ofSeq (document.QuerySelectorAll "#content pre:not(.output, .declaration)") do
            let box = document.CreateElement "div"
            box.ClassName <- "copyable"
            pre.Replace box
            box.AppendChild pre |> ignore
