/// Every page of the site, from disk and from a server, on a phone and on a laptop, light and dark.
module Hybrid.Tests.Site.PageTests

open System.IO
open Expecto
open Microsoft.Playwright
open Hybrid.Tests.Site.Browser

let private titled name complaints = complaints |> List.map (fun complaint -> $"{name}: {complaint}")

let private readable place form other (name: string) =
    visit place form name (fun visit ->
        task {
            let! found = Reading.complaints other visit
            return titled name found
        })

/// All rules in the light; in the dark and in a narrow window those whose outcome can differ there.
let private accessible (name: string) =
    visit Http wide name (fun visit ->
        task {
            let! light = Reading.violations visit []
            do! visit.Page.EmulateMediaAsync(PageEmulateMediaOptions(ColorScheme = ColorScheme.Dark))
            let! dark = Reading.violations visit [ "color-contrast"; "link-in-text-block" ]
            do! resize visit narrow
            let! small = Reading.violations visit [ "scrollable-region-focusable" ]
            let dark = dark |> List.map (fun complaint -> $"dark, {complaint}")
            let small = small |> List.except light |> List.map (fun complaint -> $"narrow, {complaint}")
            return titled name (light @ dark @ small)
        })

/// Pages of the reference are many and of one make: what the browser says is heard on all, the rest is looked at in a sample.
let private reference place (names: string list) =
    onPage (baseOf place) wide (fun visit ->
        task {
            for name in names do
                let! _ = visit.Page.GotoAsync(visit.Base + name)
                ()

            expectNone (List.ofSeq visit.Complaints)
        })

/// A page with a fault of each kind that the checks look for: without it nobody knows that they see any. What moves does so after it was painted,
/// as nothing else counts as moving.
let private faulty =
    """<!DOCTYPE html><html lang="en"><head><title>Faults</title><script>
    console.error("a message of the page");
    const move = () => setTimeout(() => document.getElementById("late").style.height = "300px", 50);
    window.addEventListener("load", () => requestAnimationFrame(() => requestAnimationFrame(move)));
    </script></head><body><div id="late"></div><main id="content"><h1>Faults</h1>
    <p>Left over: $$x$$ and <span class="math">\(y\)</span></p>
    <p style="color: #aaa; background: #fff">Pale words that nobody can read.</p>
    <div style="width: 500px">wide</div><img src="https://example.invalid/far.png" alt="far">
    <figure id="fig-none"><div class="plot-area" role="img" aria-label="nothing"></div></figure>
    <a href="#late" style="outline: none">silent</a><a href="#late" tabindex="-1">beyond reach</a>
    </main></body></html>"""

let private planted =
    testTask "the checks see each fault of a page that has them all" {
        let folder = Directory.CreateTempSubdirectory("hybrid-site-").FullName
        File.WriteAllText(Path.Combine(folder, "faulty.html"), faulty)
        let site = Server.start folder

        let! found =
            onPage site narrow (fun visit ->
                task {
                    do! go visit "faulty.html"
                    let! reading = Reading.complaints wide visit
                    let! access = Reading.violations visit []
                    let! _ = visit.Page.EvaluateAsync "look.beginTour()"
                    do! visit.Page.Keyboard.PressAsync "Tab"
                    let! _ = visit.Page.EvaluateAsync<bool> "look.step()"
                    let! tour = ask visit "look.endTour()"
                    return String.concat "\n" (reading @ access @ tour)
                })

        Directory.Delete(folder, true)

        for sign in
            [
                "console, error: a message of the page"
                "a request left the site: https://example.invalid"
                "raw mathematics in p"
                "a formula is not typeset"
                "px wide in a window of 360 px"
                "the chart fig-none is not drawn"
                "the layout shifts by"
                "serious color-contrast"
                "the focus does not show on a 'silent'"
                "Tab does not reach a 'beyond reach'"
            ] do
            Expect.stringContains found sign "complaints"
    }

let tests () =
    testList
        "pages"
        [
            planted
            for name in Site.read () @ Site.sampleOfReference () do
                testTask $"{name} reads well from disk, on a phone that is turned" {
                    let! found = readable Disk narrow wide name
                    expectNone found
                }

                testTask $"{name} reads well from a server, in a window that becomes narrow" {
                    let! found = readable Http wide narrow name
                    expectNone found
                }

                testTask $"{name} has no serious violation of accessibility" {
                    let! found = accessible name
                    expectNone found
                }
            testTask "the browser has nothing to say against any page of the reference, from disk" {
                do! reference Disk (Site.ofKind Site.Reference)
            }
            testTask "the browser has nothing to say against a page of the reference, from a server" {
                do! reference Http (Site.sampleOfReference ())
            }
        ]
