/// Drawings of recorded passes: which boxes there are, what they read, and that nothing lies on anything else.
module Hybrid.Tests.Pages.DrawingTests

open System
open System.Text.RegularExpressions
open System.Xml.Linq
open Expecto
open Hybrid.Autodiff
open Hybrid.Models
open Hybrid.Rules
open Hybrid.Scripts
open Hybrid.Tensors
open Hybrid.Tests.Support

let private variable (shape: int list) = Tape<float>(training = true).Constant(normal (RandomStream 1UL) shape)

let private resNet () =
    let settings = ResNetSettings(Height = 8, Width = 8, Channels = 1, Layers = 8, Classes = 3, BaseFilters = 2)
    ResNet<float>(settings, RandomStream 1UL).Logits(variable [ 2; 64 ])

let private layers (place: string) = place.Replace(".conv", "").Replace(".norm", "")

/// Left, top, right and bottom of each box.
let private rectangles (figure: string) =
    [
        for rectangle in (XDocument.Parse figure).Descendants(XName.Get "rect") do
            let number name = float (nonNull (rectangle.Attribute(XName.Get name))).Value
            number "x", number "y", number "x" + number "width", number "y" + number "height"
    ]

[<Tests>]
let tests =
    testList
        "Pages.Drawing"
        [
            testCase "a residual network has a box for each layer, and arrows past each block" (fun () ->
                let boxes = PassBoxes.behind layers (resNet ())

                let expected =
                    [
                        "input", []
                        "", [ "Reshape" ]
                        "stem", [ "Conv2d"; "BatchNormRelu" ]
                        for stage in 0..2 do
                            let block = $"stage.{stage}.block.0"
                            $"{block}.first", [ "Conv2d"; "BatchNormRelu" ]
                            $"{block}.second", [ "Conv2d"; "BatchNorm" ]

                            block, (if stage > 0 then [ "PadShortcut" ] else []) @ [ "Add"; "Relu" ]
                        "", [ "GlobalAveragePool" ]
                        "output", [ "Linear" ]
                    ]

                Expect.equal [ for box in boxes -> box.Part, List.ofSeq box.Rules ] expected "boxes"

                let reads part =
                    let box = boxes |> List.find (fun box -> box.Part = part)
                    [ for read in box.Reads -> read.Part ] |> List.sort

                Expect.equal (reads "stage.0.block.0") [ "stage.0.block.0.second"; "stem" ] "the shortcut"
                Expect.equal (reads "stage.1.block.0") [ "stage.0.block.0"; "stage.1.block.0.second" ] "the next")

            testCase "what is left of one part on both sides of another stays two boxes" (fun () ->
                let tape = Tape<float>()
                let x = tape.Constant(normal (RandomStream 1UL) [ 2; 3 ])

                let at place (rule: unit -> Variable<float>) =
                    use _ = tape.At place
                    rule ()

                let first = at "a" (fun () -> x.Relu())
                let between = at "b" (fun () -> first.Tanh())
                let last = at "a" (fun () -> between + first)
                let boxes = PassBoxes.behind id last
                Expect.equal [ for box in boxes -> box.Part ] [ "input"; "a"; "b"; "a" ] "boxes")

            testCase "no box lies on another, every arrow goes down, and texts are safe" (fun () ->
                let figure = Drawing.figure "a" "x < y & z" layers (resNet ())
                let all = rectangles figure
                Expect.equal all.Length 14 "a rectangle for each box"

                for i, (left, top, right, bottom) in List.indexed all do
                    for j, (left', top', right', bottom') in List.indexed all do
                        if i < j then
                            let apart = right <= left' || right' <= left || bottom <= top' || bottom' <= top
                            Expect.isTrue apart $"boxes {i} and {j}"

                let arrows = Regex.Matches(figure, "class=\"edge\" d=\"M(\\S+) (\\S+?)C[^\"]* (\\S+)\" ")
                Expect.equal arrows.Count 16 "an arrow for each thing read"

                for arrow in arrows do
                    Expect.isGreaterThan (float arrow.Groups[3].Value) (float arrow.Groups[2].Value) "downwards"

                Expect.stringContains figure "x &lt; y &amp; z" "caption")
        ]
