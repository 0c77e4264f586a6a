// Evaluates one page, which docs/build.fsx asks for: dotnet fsi docs/evaluate.fsx NAME FILE
//
// The file gets the page's cells as HTML. F# interactive, here and in a session of its own for the page, is the compiler that readers run it with.
#r "FSharp.Compiler.Service"
#load "build/literate.fsx" "build/cells.fsx" "build/colours.fsx" "build/session.fsx"

open System
open System.IO
open System.Net
open System.Text.Json
open Hybrid.Docs

let name, target = fsi.CommandLineArgs[1], fsi.CommandLineArgs[2]
let scripts = Path.Combine(Path.GetDirectoryName __SOURCE_DIRECTORY__, "scripts")
let script = File.ReadAllText(Path.Combine(scripts, name + ".fsx"))

let fail complaint (cell: Cell) =
    eprintfn $"line {cell.Line}: {complaint}"
    exit 1

let colours = Colours()
let session = Session scripts

/// A cell as the page shows it.
let html (cell: Cell) =
    match session.Evaluate cell.Code with
    | Error cause -> fail $"the cell that begins here {cause}" cell
    | Ok(known, printed, value) ->
        [
            if not cell.IsHidden then
                $"<pre><code>{colours.Html(cell.Code, known)}\n</code></pre>"

            for shown in cell.Shown do
                match shown, value with
                // In a quick run some cells print nothing.
                | Shown.Output, _ when String.IsNullOrWhiteSpace printed -> ()
                | Shown.Output, _ -> $"<pre class=\"output\">{WebUtility.HtmlEncode(printed.TrimEnd())}</pre>"
                | Shown.Value, Some html -> html
                | Shown.Value, None ->
                    fail "include-it-raw shows the value of this cell, which is no text; end it with one." cell
        ]
        |> String.concat "\n"

let cells = [ for cell in Cells.code script -> html cell ]
File.WriteAllText(target, JsonSerializer.Serialize {| cells = cells; tips = colours.Tips |})
exit 0
