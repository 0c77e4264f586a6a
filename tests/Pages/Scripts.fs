/// The scripts that there are, and which of them stand for all where a run cannot afford all.
module Hybrid.Tests.Pages.Scripts

open System
open System.IO
open System.Text.RegularExpressions
open Hybrid.Optimizers
open Hybrid.Tests
open Hybrid.Tests.Equations

let folder = Path.Combine(root, "scripts")

/// Every script that is run by itself, by the name with which it is: its text.
let all =
    [
        for file in Directory.GetFiles(folder, "*.fsx", SearchOption.AllDirectories) |> Array.sort do
            let name = (nonNull (Path.ChangeExtension(Path.GetRelativePath(folder, file), null))).Replace('\\', '/')

            if not (name.StartsWith "prelude/" || name.StartsWith "out/") then
                name, File.ReadAllText file
    ]

let isTwin (name: string) = name.StartsWith("torch/", StringComparison.Ordinal)

/// Those that begin with front matter.
let pages = all |> List.filter (fun (_, text) -> text.StartsWith("(**\n---\n", StringComparison.Ordinal))

/// The core's optimizers; torch's have the same names.
let private optimizers =
    [
        for found in typeof<Optimizer<float>>.Assembly.GetExportedTypes() do
            if not found.IsAbstract && not (isNull (found.GetMethod "ZeroGradients")) then
                found.Name.Split('`')[0]
    ]

/// Whoever makes an optimizer trains.
let private isTraining (text: string) =
    Regex.IsMatch(text, $@"\b({String.Join('|', optimizers)})(<\w*>)?(\.OfTransformer)?\s*\(", RegexOptions.IgnoreCase)

let training = List.filter (snd >> isTraining) all

/// The lines of code, found in another way than the notebook's: whatever the comments of two stars and more leave.
let codeOf (script: string) =
    [
        let mutable isNotes = false

        for line in script.Split '\n' do
            if not isNotes && line.StartsWith("(**", StringComparison.Ordinal) then
                isNotes <- not (line.TrimEnd().EndsWith("*)", StringComparison.Ordinal))
            elif isNotes then
                isNotes <- not (line.TrimEnd().EndsWith("*)", StringComparison.Ordinal))
            elif not (String.IsNullOrWhiteSpace line) then
                line.TrimEnd()
    ]

/// Names scripts to take instead of those that are drawn, such as "gan,torch/gan".
let variable = "HYBRID_TESTS_SCRIPTS"

let chosen =
    match Environment.GetEnvironmentVariable variable with
    | null -> []
    | names -> List.ofArray (names.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries))

/// The first where git does not tell the commit.
let private commit = Evidence.git "rev-parse HEAD" |> Option.defaultValue (String('0', 40))

/// All of these in the long form; otherwise one, drawn by the commit: each gets its turn, and a run that failed can be repeated.
let sampleOf (names: string list) =
    match List.filter (fun name -> List.contains name chosen) names with
    | _ when Evidence.isLong -> names
    | [] -> [ names[int (Convert.ToUInt64(commit[..14], 16) % uint64 names.Length)] ]
    | chosen -> chosen

/// Why it was this one, for whoever reads what the run says.
let reason =
    if Evidence.isLong then "as all are in the long form"
    elif chosen.IsEmpty then $"drawn by the commit, {commit[..6]}; {variable} chooses others"
    else $"{variable} is {String.Join(',', chosen)}"
