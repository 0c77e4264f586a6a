module Hybrid.Tests.Site.SearchTests

open System
open System.Diagnostics
open System.Text.RegularExpressions
open System.Threading.Tasks
open Expecto
open Hybrid.Tests.Site.Browser

/// A word that stands in the paragraphs of one page only, and that page.
let private wordOfOnePage () =
    let words (name: string) =
        (Site.load name).QuerySelectorAll "#content p"
        |> Seq.collect (fun paragraph -> Regex.Matches(paragraph.TextContent, @"\b[a-z]{9,}\b"))
        |> Seq.map _.Value
        |> Set.ofSeq

    let all = [ for name in Site.read () -> name, words name ]
    let page, own = List.find (fun (name, _) -> name = List.last (Site.ofKind Site.Literate)) all
    let others = all |> List.filter (fun (name, _) -> name <> page) |> List.map snd |> Set.unionMany
    // The longest, so that no other word begins like it.
    Seq.maxBy String.length (own - others), page

/// An equation id and the page that derives it.
let private equation () =
    Site.ofKind Site.Literate
    |> List.pick (fun name ->
        match (Site.load name).QuerySelector "a.equation[id^=eq-]" with
        | null -> None
        | anchor -> Some(anchor.Id.Substring 3, $"{name}#{anchor.Id}"))

/// Opens the search by its key, types, and goes to the result by Tab and Enter.
let private find place (words: string, target: string) =
    visit place wide "index.html" (fun visit ->
        task {
            let keyboard = visit.Page.Keyboard
            do! keyboard.PressAsync "/"
            do! until visit "document.activeElement?.id === 'search-input'"
            do! keyboard.TypeAsync words
            let result = $"#search-results a[href*='{target}']"
            let! _ = visit.Page.WaitForSelectorAsync result
            let here = $"document.activeElement.matches(\"{result}\")"
            let mutable presses = 0
            let mutable isThere = false

            while not isThere do
                Expect.isLessThan presses 40 $"presses of Tab until the result {target} of '{words}'"
                do! keyboard.PressAsync "Tab"
                presses <- presses + 1
                let! reached = visit.Page.EvaluateAsync<bool> here
                isThere <- reached

            do! keyboard.PressAsync "Enter"
            let part = target.Split('#')[0]
            let watch = Stopwatch.StartNew()

            // Playwright's own wait misses an address that changes while it begins to wait.
            while not (visit.Page.Url.Contains part) do
                Expect.isLessThan watch.Elapsed.TotalSeconds 60.0 $"seconds until {part} is open"
                do! Task.Delay 50

            expectNone (List.ofSeq visit.Complaints)
        })

let private isOpen = "document.querySelector('dialog#search')?.open === true"
let private isClosed = "document.querySelector('dialog#search')?.open !== true"

let tests () =
    testList
        "search"
        [
            for place in [ Disk; Http ] do
                testTask $"by keyboard alone, search finds a word that stands on one page, {place}" {
                    do! find place (wordOfOnePage ())
                }
            testTask "search finds an equation by its id" { do! find Disk (equation ()) }
            testTask "search finds a member of the API" { do! find Http ("CrossEntropy", "reference/") }
            testTask "the dialog opens by key and by button, closes with Escape, and gives the focus back" {
                do!
                    visit Disk wide "index.html" (fun visit ->
                        task {
                            do! visit.Page.Keyboard.PressAsync "Control+k"
                            do! until visit isOpen
                            do! visit.Page.Keyboard.PressAsync "Escape"
                            do! until visit isClosed
                            do! visit.Page.ClickAsync "#search-button"
                            do! until visit isOpen
                            do! visit.Page.Keyboard.PressAsync "Escape"
                            do! until visit isClosed
                            do! until visit "document.activeElement?.id === 'search-button'"
                            ()
                        })
            }
            testTask "the results pass axe-core in both themes and fit a phone" {
                for form in [ narrow; dark narrow ] do
                    do!
                        visit Http form "index.html" (fun visit ->
                            task {
                                do! visit.Page.ClickAsync "#search-button"
                                do! visit.Page.Keyboard.TypeAsync "gradient"
                                let! _ = visit.Page.WaitForSelectorAsync "#search-results a"
                                let! violations = Reading.violations visit []
                                let! overflow = ask visit "look.overflow()"
                                expectNone (violations @ overflow)
                            })
            }
        ]
