namespace Hybrid.Docs

/// What a page shows of a cell, below its code.
[<RequireQualifiedAccess>]
type Shown =
    /// What it printed: (*** include-output ***).
    | Output
    /// Its value, which is HTML: (*** include-it-raw ***).
    | Value

/// Code of a script that is evaluated as one.
type Cell =
    {
        Code: string
        /// The number of its first line in the script.
        Line: int
        IsHidden: bool
        Shown: Shown list
    }

[<RequireQualifiedAccess>]
type Part =
    | Notes of string
    | Cell of Cell

/// A script as cells and the notes between them.
[<RequireQualifiedAccess>]
module Cells =
    let private commands = dict [ "include-output", Shown.Output; "include-it-raw", Shown.Value ]

    let rec private parts isHidden blocks =
        match blocks with
        | [] -> []
        | ScriptBlock.Command "hide" :: rest -> parts true rest
        | ScriptBlock.Command told :: _ ->
            failwith $"(*** {told} ***) stands behind no code, or is none of hide, include-output, include-it-raw."
        | ScriptBlock.Notes text :: rest -> Part.Notes text :: parts false rest
        | ScriptBlock.Code(code, line) :: rest ->
            let rec shown (blocks: ScriptBlock list) =
                match blocks with
                | ScriptBlock.Command told :: rest when commands.ContainsKey told ->
                    let others, rest = shown rest
                    commands[told] :: others, rest
                | rest -> [], rest

            let shown, rest = shown rest
            Part.Cell { Code = code; Line = line; IsHidden = isHidden; Shown = shown } :: parts false rest

    /// A script from top to bottom.
    let ofScript (script: string) = parts false (Literate.blocks (script.Replace("\r\n", "\n")))

    /// The cells of a script alone.
    let code script =
        ofScript script
        |> List.choose (function
            | Part.Cell cell -> Some cell
            | Part.Notes _ -> None)

    /// The notes of a script as one page of Markdown, with an empty element in place of each cell.
    let notes script =
        let mutable number = -1

        [
            for part in ofScript script do
                match part with
                | Part.Notes text -> text
                | Part.Cell _ ->
                    number <- number + 1
                    $"<div data-cell=\"{number}\"></div>"
        ]
        |> String.concat "\n\n"
