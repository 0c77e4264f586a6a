namespace Hybrid.Docs

open System
open System.Text.RegularExpressions

/// What a script is made of, from top to bottom.
[<RequireQualifiedAccess>]
type ScriptBlock =
    /// A comment of two stars, in Markdown.
    | Notes of string
    /// Code, and the number of its first line in the script.
    | Code of code: string * line: int
    /// What stands between (*** and ***).
    | Command of string

/// The format of the pages, which is that of literate scripts of FSharp.Formatting.
[<RequireQualifiedAccess>]
module Literate =
    let private notes = Regex(@"^\(\*\*", RegexOptions.Multiline)
    let private command = Regex @"^\(\*\*\*\s*(.*?)\s*\*\*\*\)\s*$"

    /// The index behind the end of the comment that opens at the index; comments of F# nest.
    let private commentEnd (text: string) start =
        let marks = Regex(@"\(\*|\*\)")

        let rec from (depth: int) (mark: Match) =
            if not mark.Success then
                failwith $"""the comment '{text[start .. min (start + 40) (text.Length - 1)]}...' has no end."""
            else
                match (if mark.Value = "(*" then depth + 1 else depth - 1) with
                | 0 -> mark.Index + 2
                | depth -> from depth (mark.NextMatch())

        from 0 (marks.Match(text, start))

    /// A script in its parts.
    let blocks (text: string) =
        let rec from start =
            [
                // Code goes on up to the next comment of two stars at the start of a line.
                let next = notes.Match(text, start)
                let codeEnd = if next.Success then next.Index else text.Length
                let code = text[start .. codeEnd - 1]

                if not (String.IsNullOrWhiteSpace code) then
                    let first = start + code.Length - code.TrimStart('\n').Length
                    let line = 1 + Seq.length (Seq.filter ((=) '\n') text[.. first - 1])
                    ScriptBlock.Code(text[first .. codeEnd - 1].TrimEnd(), line)

                if next.Success then
                    let line = text[codeEnd..].Split('\n', 2)[0]
                    let told = command.Match line

                    if told.Success then
                        ScriptBlock.Command told.Groups[1].Value
                        yield! from (codeEnd + line.Length)
                    else
                        let finish = commentEnd text codeEnd
                        ScriptBlock.Notes(text[codeEnd + 3 .. finish - 3].Trim())
                        yield! from finish
            ]

        from 0
