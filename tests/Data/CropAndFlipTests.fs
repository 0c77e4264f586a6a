module Hybrid.Tests.Data.CropAndFlipTests

open System
open Expecto
open Hybrid.Data
open Hybrid.Tensors
open Hybrid.Tests.Support

let private copy (x: Tensor<float>) = mapTensor id x

let private changed (augmentation: CropAndFlip) seed (images: Tensor<float>) =
    let images = copy images
    augmentation.Apply(RandomStream seed, images)
    images

let private drawn (sizes: Sizes) =
    let height, width, channels = sizes.Rows, sizes.Inner, sizes.Columns
    normal sizes.Random [ sizes.Batch * 4; height * width * channels ], height, width, channels

let private mirror width channels (image: float[]) =
    image
    |> Array.chunkBySize (width * channels)
    |> Array.collect (Array.chunkBySize channels >> Array.rev >> Array.concat)

/// The image that is cut out of the padded one so many pixels from its upper left corner, by the definition.
let private cut height width channels padding fill down right (image: float[]) =
    [|
        for row in 0 .. height - 1 do
            for column in 0 .. width - 1 do
                for channel in 0 .. channels - 1 do
                    let r, c = row + down - padding, column + right - padding

                    let isInside = r >= 0 && r < height && c >= 0 && c < width
                    yield if isInside then image[(r * width + c) * channels + channel] else fill
    |]

let private chiSquare (counts: int[]) =
    let expected = float (Array.sum counts) / float counts.Length
    counts |> Array.sumBy (fun count -> (float count - expected) ** 2.0 / expected)

/// Images whose pixels tell where they stood: 1 to 49 in 7x7.
let private numbered count = tensor [ count; 49 ] (Array.replicate count [| 1.0 .. 49.0 |] |> Array.concat)

[<Tests>]
let tests =
    testList
        "Data.CropAndFlip"
        [
            property 25 "without padding and mirrors it is the identity" (fun sizes ->
                let x, height, width, channels = drawn sizes

                Expect.equal
                    (floats (changed (CropAndFlip(height, width, channels, 0, false)) 1UL x))
                    (floats x)
                    "images")

            property 40 "each image is one that can be cut out of the padded one, mirrored or not" (fun sizes ->
                let x, height, width, channels = drawn sizes
                let padding = sizes.Random.NextBelow(min height width)
                let flips, fill = sizes.Rows % 2 = 0, sizes.Random.NextNormal()
                let y = changed (CropAndFlip(height, width, channels, padding, flips, fill)) 7UL x

                for before, after in Array.zip (rowsOf x) (rowsOf y) do
                    let possible =
                        [
                            for down in 0 .. 2 * padding do
                                for right in 0 .. 2 * padding do
                                    let image = cut height width channels padding fill down right before
                                    yield image

                                    if flips then
                                        yield mirror width channels image
                        ]

                    Expect.isTrue (List.contains after possible) "cut")

            property 25 "mirrored twice in the same places it is the identity" (fun sizes ->
                let x, height, width, channels = drawn sizes
                let flip = CropAndFlip(height, width, channels, 0, true)
                let once = changed flip 3UL x

                for before, after in Array.zip (rowsOf x) (rowsOf once) do
                    Expect.isTrue
                        (after = before || after = mirror width channels before)
                        "the image or its mirror image"

                Expect.equal (floats (changed flip 3UL once)) (floats x) "twice")

            testCase "an image is mirrored where the third of its numbers, of 0 and 1, is 1" (fun () ->
                let count = 100
                let stream = RandomStream 4UL

                let expected =
                    [|
                        for _ in 1..count do
                            stream.NextBelow 1 + stream.NextBelow 1 |> ignore
                            stream.NextBelow 2 = 1
                    |]

                let x = numbered count
                let y = changed (CropAndFlip(7, 7, 1, 0, true)) 4UL x
                Expect.equal (Array.map2 (<>) (rowsOf x) (rowsOf y)) expected "mirrored"
                Expect.equal (set expected) (set [ false; true ]) "some of each")

            testCase "cuts are uniform, down and right, and independent of the mirrors" (fun () ->
                let count, padding = 20_000, 3
                // Without the mirrors, from the same stream: the middle pixel tells the cut. With them, its neighbours tell the mirror.
                let plain = rowsOf (changed (CropAndFlip(7, 7, 1, padding, false)) 5UL (numbered count))
                let mirrored = rowsOf (changed (CropAndFlip(7, 7, 1, padding, true)) 5UL (numbered count))
                let counts = Array.zeroCreate (49 * 2)

                for plain, mirrored in Array.zip plain mirrored do
                    let isMirrored = if mirrored = plain then 0 else 1

                    if isMirrored = 1 then
                        Expect.equal mirrored (mirror 7 1 plain) "mirror"

                    let middle = int plain[24] - 1
                    counts[middle * 2 + isMirrored] <- counts[middle * 2 + isMirrored] + 1

                // 97 degrees of freedom: mean 97, standard deviation 14. A bias of a tenth in one half would add 200.
                Expect.isLessThan (chiSquare counts) 160.0 "of 49 cuts, mirrored or not")

            testCase "the same seed gives the same bits, another one others, and a stream goes on" (fun () ->
                let x = normal (RandomStream 1UL) [ 64; 8 * 8 * 3 ]
                let augmentation = CropAndFlip(8, 8, 3, 2, true)
                Expect.equal (floats (changed augmentation 1UL x)) (floats (changed augmentation 1UL x)) "same"
                Expect.notEqual (floats (changed augmentation 1UL x)) (floats (changed augmentation 2UL x)) "other"
                let stream, first, second = RandomStream 1UL, copy x, copy x
                augmentation.Apply(stream, first)
                Expect.equal stream.Position (3UL * 64UL) "three numbers an image"
                augmentation.Apply(stream, second)
                Expect.notEqual (floats first) (floats second) "next batch"
                let single = toSingle x
                augmentation.Apply(RandomStream 1UL, single)
                Expect.equal (single.ToArray()) ((toSingle first).ToArray()) "single precision")

            testCase "NaN and infinities are moved like other numbers; an empty batch stays empty" (fun () ->
                let x = tensor [ 8; 3 ] (Array.replicate 8 [| nan; infinity; 1.0 |] |> Array.concat)
                let y = changed (CropAndFlip(1, 3, 1, 0, true)) 1UL x

                let isKnown (row: float[]) =
                    row[1] = infinity && (Double.IsNaN row[0] && row[2] = 1.0 || Double.IsNaN row[2] && row[0] = 1.0)

                Expect.all (rowsOf y) isKnown "rows"

                Expect.equal
                    (changed (CropAndFlip(2, 2, 1, 1, true)) 1UL (zeros [ 0; 4 ])).Shape
                    (shape [ 0; 4 ])
                    "empty")

            testCase "sizes that do not fit are refused" (fun () ->
                for height, width, channels, name in [ 0, 4, 1, "height"; 4, -1, 1, "width"; 4, 4, 0, "channels" ] do
                    refusesRange [ name ] (fun () -> CropAndFlip(height, width, channels, 0, false))

                for padding in [ -1; 3; 4 ] do
                    refusesRange [ "padding must lie in [0, 3)"; "something of each image is left" ] (fun () ->
                        CropAndFlip(3, 5, 1, padding, false))

                for fill in [ nan; infinity ] do
                    refusesRange [ "value must be finite" ] (fun () -> CropAndFlip(3, 5, 1, 1, false, fill))

                for extents in [ [ 2; 5 ]; [ 4 ]; [ 1; 2; 4 ] ] do
                    refusesShape [ "images must be [batch, 4], rows of [2, 2, 1]"; "say the size" ] (fun () ->
                        CropAndFlip(2, 2, 1, 1, true).Apply(RandomStream 1UL, zeros<float> extents)))
        ]
