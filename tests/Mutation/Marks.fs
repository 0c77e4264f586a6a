/// Mutants that somebody has named: those that no test can tell from the core, and faults planted for tests to notice.
module Hybrid.Mutation.Marks

open System.IO
open Hybrid.Tests.Equations

/// What the file has on the line says where; what is * matches anything.
type Mark = { File: string; Source: string; Original: string; Mutated: string; Reason: string }

let private read name =
    let file = Path.Combine(root, "tests", "Mutation", name)

    [
        for number, line in File.ReadAllLines file |> Array.indexed do
            if line <> "" && not (line.StartsWith '#') then
                match line.Split '\t' with
                | [| path; source; original; mutated; reason |] when reason.Trim() <> "" ->
                    { File = path; Source = source; Original = original; Mutated = mutated; Reason = reason }
                | _ ->
                    failwith $"{file}({number + 1}): needs file, line, original, mutated and reason, with tabs between."
    ]

/// No test can tell these from the core, with the reason.
let equivalent = lazy read "equivalent.tsv"

/// Wrong pullbacks, with what is wrong. Each is one mutant more, and has to be killed.
let planted = lazy read "planted.tsv"

let matches (mark: Mark) (mutant: Mutant) =
    let fits pattern text = pattern = "*" || pattern = text

    mark.File = mutant.File
    && mark.Source = mutant.Source
    && fits mark.Original mutant.Original
    && fits mark.Mutated mutant.Mutated

let private find (marks: Lazy<Mark list>) mutant = marks.Value |> List.tryFind (fun mark -> matches mark mutant)

let equivalentOf mutant = find equivalent mutant
let plantedOf mutant = find planted mutant
