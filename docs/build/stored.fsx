namespace Hybrid.Docs

open System
open System.IO
open System.Text.Json

/// Figures that were stored, in the repository or by the pages of this build.
[<RequireQualifiedAccess>]
module Stored =
    /// What the view makes of a JSON file; whatever is wrong with the file is a complaint that names it and the remedy.
    let read (root: string) (file: string) remedy (view: JsonElement -> 'T) : Result<'T, string> =
        let complain cause = Error $"""{Path.GetRelativePath(root, file).Replace('\\', '/')} {cause}; {remedy}."""

        if not (File.Exists file) then
            complain "is missing"
        else
            try
                use document = JsonDocument.Parse(File.ReadAllText file)
                Ok(view document.RootElement)
            with
            | :? JsonException as error -> complain $"is no JSON ({error.Message})"
            | :? Collections.Generic.KeyNotFoundException -> complain "lacks a figure that the site shows"
            | :? InvalidOperationException
            | :? FormatException as error -> complain $"holds something else than expected ({error.Message})"

    let get (key: string) (element: JsonElement) =
        match element.TryGetProperty key with
        | true, value -> value
        | _ -> raise (FormatException $"there is no '{key}'")

    let text key element = (get key element).ToString()

    let items key element = List.ofSeq ((get key element).EnumerateArray())

    /// None for null; NaN and the infinities are stored as words.
    let number key element =
        let value = get key element

        match value.ValueKind with
        | JsonValueKind.Null -> None
        | JsonValueKind.String -> Some(Double.Parse(value.GetString(), Globalization.CultureInfo.InvariantCulture))
        | _ -> Some(value.GetDouble())

    /// None for null.
    let part key element =
        let value = get key element
        if value.ValueKind = JsonValueKind.Null then None else Some value
