/// Mutants that no test can tell from the core, marked by hand with the reason.
module Hybrid.Mutation.Marks

open System
open System.IO
open Hybrid.Tests.Equations

/// What the file has on the line says where; what is * matches anything.
type Mark = { File: string; Source: string; Original: string; Mutated: string; Reason: string }

let private file = Path.Combine(root, "tests", "Mutation", "equivalent.tsv")

let all =
    lazy
        [
            for number, line in File.ReadAllLines file |> Array.indexed do
                if line <> "" && not (line.StartsWith '#') then
                    match line.Split '\t' with
                    | [| path; source; original; mutated; reason |] when reason.Trim() <> "" ->
                        { File = path; Source = source; Original = original; Mutated = mutated; Reason = reason }
                    | _ ->
                        failwith
                            $"{file}({number + 1}): needs file, line, original, mutated and reason, with tabs between."
        ]

let matches (mark: Mark) (mutant: Mutant) =
    let fits pattern text = pattern = "*" || pattern = text

    mark.File = mutant.File
    && mark.Source = mutant.Source
    && fits mark.Original mutant.Original
    && fits mark.Mutated mutant.Mutated

let markOf mutant = all.Value |> List.tryFind (fun mark -> matches mark mutant)
