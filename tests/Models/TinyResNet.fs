/// Residual networks small enough to be checked number by number.
module Hybrid.Tests.Models.TinyResNet

open System
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Tensors

/// The settings of core as an F# record, so that a test can write down what it changes.
type Options =
    {
        Height: int
        Width: int
        Channels: int
        Layers: int
        Classes: int
        Filters: int
        Shortcuts: ShortcutKind
        PreActivation: bool
        Normalized: bool
        Scale: WeightScale
    }

    member options.Features = options.Height * options.Width * options.Channels

let tiny =
    {
        Height = 6
        Width = 5
        Channels = 2
        Layers = 8
        Classes = 3
        Filters = 2
        Shortcuts = ShortcutKind.Pad
        PreActivation = false
        Normalized = true
        Scale = WeightScale.He
    }

/// For the 8x8 digits.
let small = { tiny with Height = 8; Width = 8; Channels = 1; Classes = 10; Filters = 4 }

/// Of the paper: 32x32 images in colour, ten classes.
let cifar layers = { tiny with Height = 32; Width = 32; Channels = 3; Layers = layers; Classes = 10; Filters = 16 }

let settings options =
    ResNetSettings(
        Height = options.Height,
        Width = options.Width,
        Channels = options.Channels,
        Layers = options.Layers,
        Classes = options.Classes,
        BaseFilters = options.Filters,
        Shortcuts = options.Shortcuts,
        PreActivation = options.PreActivation,
        Normalized = options.Normalized,
        Scale = options.Scale
    )

let double options (seed: uint64) = ResNet<float>(settings options, RandomStream seed)

let single options (seed: uint64) = ResNet<float32>(settings options, RandomStream seed)

let shortcutKinds = List.ofArray (Enum.GetValues<ShortcutKind>())

/// Every way to set the switches.
let everyChoice options =
    [
        for shortcuts in shortcutKinds do
            for preActivation in [ false; true ] do
                for normalized in [ true; false ] do
                    { options with Shortcuts = shortcuts; PreActivation = preActivation; Normalized = normalized }
    ]
