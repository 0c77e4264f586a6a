namespace Hybrid.Docs

open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.RegularExpressions

/// A page as a Jupyter notebook (nbformat 4.5). fsdocs leaves hidden cells out of the notebooks it makes, and with them what
/// loads the core; here every line of the script's code stands in the notebook, in its order.
[<RequireQualifiedAccess>]
module Notebook =
    type private Cell =
        | Markdown of string
        /// Code, and whether it is folded.
        | Source of string * bool

    let private introduction (name: string) =
        $"> This is the page `{name}` of Hybrid as a notebook. Put it into the folder `scripts/` of the repository and run it from top to "
        + "bottom with the F# kernel of .NET Interactive (`.net-fsharp`): the first cell of code builds the core and loads what all pages "
        + "share. It takes as long as the page itself; set the environment variable `HYBRID_MODE` to `quick` before you start Jupyter for a "
        + $"short run. On a terminal, `dotnet fsi scripts/{name}.fsx` does the same."

    /// The C# that a cell asks for is put behind it: only the site's build can cut it out of its file.
    let private listings (listing: string -> string -> Result<string, string>) (code: string) =
        [
            for call in Regex.Matches(code, @"^csharp ""([^""]+)"" ""([^""]+)""", RegexOptions.Multiline) do
                let file, wanted = call.Groups[1].Value, call.Groups[2].Value

                listing file wanted
                |> Result.map (fun code -> Markdown $"`core/{file}`: `{wanted}`\n\n```csharp\n{code.TrimEnd()}\n```")
        ]

    let private known =
        Regex
            @"^(hide|do-not-eval|include-output|include-it|include-it-raw|(define|include|include-output|include-value)\s*:.*)$"

    let private json (cells: Cell list) =
        use memory = new MemoryStream()

        let options =
            JsonWriterOptions(
                Indented = true,
                IndentSize = 1,
                NewLine = "\n",
                Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping
            )

        using (new Utf8JsonWriter(memory, options)) (fun writer ->
            let object (name: string) (write: unit -> unit) =
                writer.WriteStartObject name
                write ()
                writer.WriteEndObject()

            writer.WriteStartObject()
            writer.WriteStartArray "cells"

            for number, cell in List.indexed cells do
                writer.WriteStartObject()

                let kind, text, isFolded =
                    match cell with
                    | Markdown text -> "markdown", text, false
                    | Source(text, isFolded) -> "code", text, isFolded

                writer.WriteString("cell_type", kind)

                if kind = "code" then
                    writer.WriteNull "execution_count"

                writer.WriteString("id", $"cell-{number}")

                object "metadata" (fun () ->
                    if isFolded then
                        object "jupyter" (fun () -> writer.WriteBoolean("source_hidden", true)))

                if kind = "code" then
                    writer.WriteStartArray "outputs"
                    writer.WriteEndArray()

                writer.WriteStartArray "source"
                let lines = text.Split '\n'

                for i, line in Array.indexed lines do
                    writer.WriteStringValue(if i < lines.Length - 1 then line + "\n" else line)

                writer.WriteEndArray()
                writer.WriteEndObject()

            writer.WriteEndArray()

            object "metadata" (fun () ->
                object "kernelspec" (fun () ->
                    writer.WriteString("display_name", ".NET (F#)")
                    writer.WriteString("language", "F#")
                    writer.WriteString("name", ".net-fsharp"))

                object "language_info" (fun () ->
                    writer.WriteString("file_extension", ".fs")
                    writer.WriteString("mimetype", "text/x-fsharp")
                    writer.WriteString("name", "F#")
                    writer.WriteString("pygments_lexer", "fsharp")))

            writer.WriteNumber("nbformat", 4)
            writer.WriteNumber("nbformat_minor", 5)
            writer.WriteEndObject())

        Encoding.UTF8.GetString(memory.ToArray()) + "\n"

    /// The notebook of the script scripts/NAME.fsx, or what is wrong with it. The listing cuts C# out of its file in core/ by the
    /// name of the member.
    let ofScript (root: string) (listing: string -> string -> Result<string, string>) (name: string) (script: string) =
        let faults = ResizeArray<string>()
        let fault text = faults.Add $"{name}.ipynb: {text}"

        let notes (text: string) =
            let text, lost = NotebookNotes.convert root name text

            for address in lost do
                fault
                    $"the page links to {address}, which is no page, no file in docs/ and no address; correct the link."

            match text with
            | "" -> []
            | text -> [ Markdown text ]

        let rec cells isFolded blocks =
            match blocks with
            | [] -> []
            | ScriptBlock.Notes text :: rest -> notes text @ cells false rest
            | ScriptBlock.Code(code, _) :: rest ->
                // A folded cell still runs; what loads the core is worth seeing.
                let isFolded = isFolded && not (code.Contains "#load")

                let shown =
                    [
                        for result in listings listing code do
                            match result with
                            | Ok cell -> cell
                            | Error cause -> fault cause
                    ]

                Source(code, isFolded) :: shown @ cells false rest
            | ScriptBlock.Command "hide" :: rest -> cells true rest
            | ScriptBlock.Command told :: rest ->
                if not (known.IsMatch told) then
                    fault
                        $"nothing is known of the command (*** {told} ***); say in docs/build/notebook.fsx what it becomes."

                cells isFolded rest

        let cells = cells false (Literate.blocks (script.Replace("\r\n", "\n")))

        if faults.Count = 0 then
            Ok(json (Markdown(introduction name) :: cells))
        else
            Error(List.ofSeq faults)
