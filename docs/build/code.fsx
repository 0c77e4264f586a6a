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

    /// A line of a check: what was measured, and the name.
    let private passed = Regex @"^ok +(holds|\S+ &lt;= \S+) +(\S.*)$"

    /// Lines that were printed, each an element of its own, so that what wraps is indented; the end of a line stays in it, for those who copy.
    /// In the lines of checks, what was measured is no wider than the output needs.
    let private marked (lines: string list) =
        let widthOf (line: string) = (passed.Match line).Groups[1].Value.Replace("&lt;", "<").Length
        let width = lines |> List.map widthOf |> List.max

        [
            for line in lines do
                let check = passed.Match line

                if check.Success then
                    let told, name = check.Groups[1].Value, check.Groups[2].Value
                    let blanks = String.replicate (width - widthOf line) " "
                    $"<span class=\"line check\"><span class=\"passed\">ok</span>  {told}{blanks}  {name}\n</span>"
                elif line.StartsWith "FAILED " then
                    $"<span class=\"line failed\">{line}\n</span>"
                else
                    $"<span class=\"line\">{line}\n</span>"
        ],
        width

    /// What code printed, in lines.
    let mark (document: IDocument) =
        for output in document.QuerySelectorAll "#content pre.output" do
            let lines, width = output.InnerHtml.TrimEnd('\n').Split '\n' |> List.ofArray |> marked
            output.InnerHtml <- String.concat "" lines

            if width > 0 then
                output.SetAttribute("style", $"--told:{width}ch")

    /// So many characters of code fit into a line of any window.
    let private longest = 28

    /// Names in text that a browser would break at a hyphen or a blank stay whole; in tables the columns decide.
    let keepWhole (document: IDocument) =
        for code in document.QuerySelectorAll "#content :is(p, li, dd, figcaption) code" do
            let text = code.TextContent

            if
                text.Length <= longest
                && Regex.IsMatch(text, @"[^\w.]")
                && isNull (code.Closest "pre, table, h1, h2, h3, h4")
            then
                code.ClassList.Add "whole"

    /// Puts each block of code into a box that offers to copy it.
    let box (document: IDocument) =
        for pre in List.ofSeq (document.QuerySelectorAll "#content pre:not(.output, .declaration)") do
            let box = document.CreateElement "div"
            box.ClassName <- "copyable"
            pre.Replace box
            box.AppendChild pre |> ignore
