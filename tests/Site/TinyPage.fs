/// A page of a few lines in a tree of its own, which the site's build evaluates.
module Hybrid.Tests.Site.TinyPage

open System
open System.IO
open Hybrid.Docs

/// A tree with the core, the prelude and what else a page needs, but without any page.
let private inTree work =
    let tree = Directory.CreateTempSubdirectory("hybrid-site-").FullName
    let from (parts: string list) = Path.Combine(Array.ofList (Site.root :: parts))
    let into (parts: string list) = Path.Combine(Array.ofList (tree :: parts))

    let copy (parts: string list) = File.Copy(from parts, into parts)

    try
        for folder in [ [ "scripts"; "data" ]; [ "scripts"; "results" ] ] do
            Directory.CreateDirectory(into folder) |> ignore

        for folder in [ [ "core" ]; [ "scripts"; "prelude" ] ] do
            Directory.CreateSymbolicLink(into folder, from folder) |> ignore

        for file in Directory.GetFiles(Site.root, "Directory.*") do
            copy [ Path.GetFileName file ]

        for file in [ [ "scripts"; "ensure.fsx" ]; [ "scripts"; "prelude.fsx" ] ] do
            copy file

        Directory.CreateDirectory(into [ "docs" ]) |> ignore
        Directory.CreateSymbolicLink(into [ "docs"; "build" ], from [ "docs"; "build" ]) |> ignore
        copy [ "docs"; "evaluate.fsx" ]
        work tree
    finally
        Directory.Delete(tree, true)

/// Evaluates a page with these lines after its start, as the build does: what is made of its folder, or what is wrong with it.
let evaluate view (lines: string list) =
    inTree (fun tree ->
        let head =
            "(**\n---\ntitle: Tiny\n---\n# Tiny\n*)\n#load \"ensure.fsx\"\n#load \"prelude.fsx\"\nopen Hybrid.Scripts\nlet page = Page.start \"tiny\" []\n(** Then. *)"

        File.WriteAllText(Path.Combine(tree, "scripts", "tiny.fsx"), String.Join("\n", head :: lines) + "\n")

        let page = List.exactlyOne (Pages.scripts tree)
        Evaluation.page tree "quick" page |> Result.map (view page))
