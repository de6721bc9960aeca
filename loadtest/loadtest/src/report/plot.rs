//! Owns plots: lines over time, as SVG that needs nothing else.

use anyhow::{Result, anyhow};
use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::drawing::IntoDrawingArea as _;
use plotters::element::PathElement;
use plotters::series::LineSeries;
use plotters::style::{Color as _, Palette as _, Palette99, WHITE};

/// Width and height, in pixels.
const SIZE: (u32, u32) = (960, 280);
/// Room for the labels at the left and at the bottom, in pixels.
const LABELS: u32 = 50;

/// A line: what it is of, and its points.
pub type Line = (String, Vec<(f64, f64)>);

/// Draws lines over seconds.
///
/// # Errors
/// What the drawing says.
pub fn lines(title: &str, unit: &str, lines: &[Line]) -> Result<String> {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
    let (width, height) = (
        most(|point| point.0).max(1.0),
        most(|point| point.1).max(1.0),
    );
    let mut svg = String::new();
    let mut draw = || -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(8)
            .set_left_and_bottom_label_area_size(LABELS)
            .build_cartesian_2d(0.0..width, 0.0..height * 1.05)?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc("seconds")
            .y_desc(unit)
            .light_line_style(WHITE.mix(0.0))
            .draw()?;
        for (number, (name, points)) in lines.iter().enumerate() {
            let color = Palette99::pick(number).mix(0.9);
            let line = LineSeries::new(points.iter().copied(), color.stroke_width(2));
            let drawn = chart.draw_series(line)?.label(name);
            drawn.legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], color));
        }
        let mut labels = chart.configure_series_labels();
        let labels = labels.position(SeriesLabelPosition::UpperLeft);
        labels.background_style(WHITE.mix(0.8)).draw()?;
        area.present()?;
        Ok(())
    };
    draw().map_err(|error| anyhow!("draw {title}: {error}"))?;
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_is_an_svg_with_its_lines_named() {
        let line = |name: &str| (name.to_owned(), vec![(0.0, 1.0), (1.0, 5.0), (2.0, 3.0)]);
        let svg = lines("Rates", "1/s", &[line("accepted"), line("results")]).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("accepted") && svg.contains("results"));
        assert!(lines("Nothing", "ms", &[]).unwrap().starts_with("<svg"));
    }
}
