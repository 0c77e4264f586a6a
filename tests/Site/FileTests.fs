/// What can be seen in the files of the site, without a browser.
module Hybrid.Tests.Site.FileTests

open System.IO
open System.Text.Json
open Expecto
open Hybrid.Docs

let private isThere (name: string) = File.Exists(Path.Combine(Site.folder, name))

let private chain =
    testCase "next leads from the first page through all, previous back"
    <| fun () ->
        let neighbour (rel: string) name =
            (Site.load name).QuerySelector $"nav.neighbours a[rel={rel}]"
            |> Option.ofObj
            |> Option.map (fun link -> link.GetAttribute "href")

        let rec walk name seen =
            if List.contains name seen then
                failtest $"next leads in a circle, to {name}"

            match neighbour "next" name with
            | None -> List.rev (name :: seen)
            // The reference stands at the end and is no part of the way.
            | Some next when next.Contains '/' -> List.rev (name :: seen)
            | Some next ->
                Expect.equal (neighbour "prev" next) (Some name) $"the page before {next}"
                walk next (name :: seen)

        let first =
            Site.read ()
            |> List.filter (fun name -> neighbour "next" name <> None && neighbour "prev" name = None)

        Expect.equal first.Length 1 $"pages without a page before them: {first}"
        let reached = walk first.Head []

        for name in Site.ofKind Site.Literate do
            Expect.contains reached name "pages on the way"

let tests () =
    testList
        "files"
        [
            testCase "every page that is a script is in the site"
            <| fun () ->
                for page in Pages.scripts Site.root do
                    Expect.isTrue (isThere (page.Name + ".html")) page.Name
            testCase "every literate page can be had as script and as notebook"
            <| fun () ->
                for name in Site.ofKind Site.Literate do
                    let stem = Path.GetFileNameWithoutExtension name

                    let links =
                        [ for link in (Site.load name).QuerySelectorAll "a.download" -> link.GetAttribute "href" ]

                    for ending in [ ".fsx"; ".ipynb" ] do
                        Expect.contains links (stem + ending) $"downloads of {name}"
                        Expect.isTrue (isThere (stem + ending)) $"{stem}{ending} exists"

                    use notebook = JsonDocument.Parse(File.ReadAllText(Path.Combine(Site.folder, stem + ".ipynb")))

                    Expect.isGreaterThan
                        ((notebook.RootElement.GetProperty "cells").GetArrayLength())
                        3
                        $"cells of {name}"
            chain
        ]
