module Hybrid.Tests.Site.KeyboardTests

open System.IO
open Expecto
open Hybrid.Tests.Site.Browser

/// The smallest page of a kind: a page has as many stops as it has links.
let private smallest kind =
    Site.ofKind kind |> List.minBy (fun name -> FileInfo(Path.Combine(Site.folder, name)).Length)

let private tour form name =
    visit Http form name (fun visit ->
        task {
            let! count = visit.Page.EvaluateAsync<int> "look.beginTour()"
            let mutable isOnTheWay = true
            let mutable presses = 0

            while isOnTheWay && presses < 3 * count + 20 do
                do! visit.Page.Keyboard.PressAsync "Tab"
                presses <- presses + 1
                let! goesOn = visit.Page.EvaluateAsync<bool> "look.step()"
                isOnTheWay <- goesOn

            let! found = ask visit "look.endTour()"
            expectNone [ for complaint in found -> $"{name}: {complaint}" ]
        })

let private menu =
    testTask "on a phone the menu opens by keyboard, takes the reader to a page, and closes with Escape" {
        do!
            visit Disk narrow "index.html" (fun visit ->
                task {
                    let isOpen = "document.querySelector('#side nav a').checkVisibility({ visibilityProperty: true })"
                    do! visit.Page.FocusAsync "#menu-button"
                    do! visit.Page.Keyboard.PressAsync "Enter"
                    do! until visit isOpen
                    let! expanded = visit.Page.GetAttributeAsync("#menu-button", "aria-expanded")
                    Expect.equal expanded "true" "aria-expanded"
                    let! overflow = ask visit "look.overflow()"
                    expectNone overflow
                    do! visit.Page.Keyboard.PressAsync "Escape"
                    do! until visit $"!({isOpen})"
                    let! expanded = visit.Page.GetAttributeAsync("#menu-button", "aria-expanded")
                    Expect.equal expanded "false" "aria-expanded"
                })
    }

let private skip =
    testTask "the first stop skips to the text" {
        do!
            visit Disk wide (smallest Site.Literate) (fun visit ->
                task {
                    do! visit.Page.Keyboard.PressAsync "Tab"
                    do! visit.Page.Keyboard.PressAsync "Enter"
                    let! hash = visit.Page.EvaluateAsync<string> "location.hash"
                    Expect.equal hash "#content" "where it leads"
                })
    }

let tests () =
    testList
        "keyboard"
        [
            for name in [ "index.html"; smallest Site.Literate; smallest Site.Prose; smallest Site.Reference ] do
                testTask $"Tab reaches everything on {name}, and the focus shows" { do! tour wide name }
            testTask "Tab reaches everything on a phone" { do! tour narrow (smallest Site.Literate) }
            menu
            skip
        ]
